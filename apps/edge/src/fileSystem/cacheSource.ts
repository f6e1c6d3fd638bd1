import type { UnlinkVerb } from "@basalt/config";
import type { BodyAnswer, FileRange, MountedHost, ObjectAnswer, ObjectSource } from "@basalt/filesystem";
import { getField, parseContentRange, parseHttpDate } from "@basalt/http";
import {
  type EdgeServer,
  type InternalAnswer,
  type InternalRequest,
  type InternalRequests,
  unanswered,
} from "@basalt/server";

const NOTHING = Buffer.alloc(0);

const METHODS = { Purge: "PURGE", Expire: "EXPIRE", HardPurge: "HARDPURGE" } as const satisfies Record<
  UnlinkVerb,
  InternalRequest["kind"]
>;

/** Of the whole body; undefined where the head does not say it. */
const bodyBytesOf = ({ status, fields }: InternalAnswer): number | undefined => {
  const range = status === 206 ? getField(fields, "content-range") : undefined;
  if (range !== undefined) return parseContentRange(range)?.size;
  const length = getField(fields, "content-length");
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
};

const answerOf = (answer: InternalAnswer, bytes: number | undefined): ObjectAnswer => {
  const { status, fields, result, errorCode, isBypassed, vhost, booked, storedAtMs } = answer;
  const etag = getField(fields, "etag");
  const lastModified = getField(fields, "last-modified");
  return {
    status: status === 206 ? 200 : status,
    result,
    errorCode,
    isBypassed,
    vhost: booked,
    settings: vhost?.settings.options.fileSystem,
    bytes,
    lastModifiedMs: lastModified === undefined ? undefined : parseHttpDate(lastModified),
    storedAtMs,
    version: `${etag ?? lastModified ?? ""} ${bytes ?? ""}`,
    hasValidator: etag !== undefined || lastModified !== undefined,
  };
};

/** The cache of this worker, asked in the way of all requests. */
export class CacheSource implements ObjectSource {
  readonly #server: EdgeServer;
  readonly #requests: InternalRequests;

  constructor(server: EdgeServer, requests: InternalRequests) {
    this.#server = server;
    this.#requests = requests;
  }

  findHost(host: string): MountedHost | undefined {
    const found = this.#server.state.table.find(host);
    const { fileSystem } = found?.options ?? {};
    if (found?.status !== "Active" || fileSystem?.status !== "Active" || found.listen.length === 0) return undefined;
    return { name: found.name, settings: fileSystem };
  }

  async describe(host: string, target: string, signal: AbortSignal): Promise<ObjectAnswer> {
    const asked = await this.#ask(host, target, "HEAD", signal);
    const bytes = bodyBytesOf(asked);
    const first = answerOf(asked, bytes);
    const statuses = first.settings?.fileStatus ?? [];
    const isFile = asked.errorCode === undefined && (statuses.length === 0 || statuses.includes(first.status));
    if (bytes !== undefined || !isFile || first.isBypassed) return first;
    // The origin has not said how long it is: that is known when it has come whole.
    const whole = await this.#ask(host, target, "measure", signal);
    const measured = whole.isComplete ? whole.bodyBytes : undefined;
    return { ...answerOf(whole, bodyBytesOf(whole) ?? measured), result: first.result };
  }

  async read(host: string, target: string, range: FileRange, signal: AbortSignal): Promise<BodyAnswer> {
    const answer = await this.#ask(host, target, range, signal);
    const bytes = bodyBytesOf(answer) ?? (answer.isComplete ? answer.bodyBytes : undefined);
    return { ...answerOf(answer, bytes), data: answer.data ?? NOTHING };
  }

  async remove(host: string, target: string, verb: UnlinkVerb): Promise<boolean> {
    const answer = await this.#ask(host, target, METHODS[verb], new AbortController().signal);
    return answer.errorCode === undefined && answer.result !== "TCP_DENIED";
  }

  #ask(host: string, target: string, kind: InternalRequest["kind"], signal: AbortSignal): Promise<InternalAnswer> {
    const port = this.#server.state.table.find(host)?.listen[0]?.port;
    // A reload may have taken the host away.
    if (port === undefined) return Promise.resolve(unanswered("VHOST_UNKNOWN"));
    return this.#requests.run({ host, target, port, kind }, signal);
  }
}
