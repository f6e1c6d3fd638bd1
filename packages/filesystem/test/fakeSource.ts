import type { FileSystemSettings, UnlinkVerb } from "@basalt/config";
import type { BodyAnswer, FileRange, MountedHost, ObjectAnswer, ObjectSource } from "../src/contract.ts";

export const SETTINGS: FileSystemSettings = {
  status: "Active",
  dotDir: false,
  fileTime: "Origin",
  fileStatus: [200],
  dirStatus: [301, 302, 400, 401, 403],
  unlink: "Expire",
};

export const answerWith = (changes: Partial<ObjectAnswer> = {}): ObjectAnswer => ({
  status: 200,
  result: "TCP_HIT",
  errorCode: undefined,
  isBypassed: false,
  vhost: "a.com",
  settings: SETTINGS,
  bytes: 10,
  lastModifiedMs: 1_000_000,
  storedAtMs: 2_000_000,
  version: '"1" 10',
  hasValidator: true,
  ...changes,
});

const NOTHING = Buffer.alloc(0);

/** A cache of one host; answers wait while it is held. */
export class FakeSource implements ObjectSource {
  readonly bodies = new Map<string, { data: Buffer; version: string }>();
  readonly folders = new Set<string>();
  readonly described: string[] = [];
  readonly ranges: FileRange[] = [];
  readonly removed: string[] = [];
  settings: FileSystemSettings = SETTINGS;
  mayRemove = true;
  #held: Promise<void> | undefined;

  /** From now on nothing is answered until the result is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return () => {
      this.#held = undefined;
      resolve();
    };
  }

  findHost(host: string): MountedHost | undefined {
    return host === "a.com" ? { name: host, settings: this.settings } : undefined;
  }

  async describe(_: string, target: string, signal: AbortSignal): Promise<ObjectAnswer> {
    this.described.push(target);
    await this.#held;
    signal.throwIfAborted();
    return this.#answerFor(target);
  }

  async read(_: string, target: string, range: FileRange, signal: AbortSignal): Promise<BodyAnswer> {
    this.ranges.push(range);
    await this.#held;
    signal.throwIfAborted();
    const data = this.bodies.get(target)?.data.subarray(range.from, range.to) ?? NOTHING;
    return { ...this.#answerFor(target), data };
  }

  remove(_: string, target: string, verb: UnlinkVerb): Promise<boolean> {
    this.removed.push(`${verb} ${target}`);
    return Promise.resolve(this.mayRemove);
  }

  #answerFor(target: string): ObjectAnswer {
    const body = this.bodies.get(target);
    if (body !== undefined)
      return answerWith({ bytes: body.data.length, version: body.version, settings: this.settings });
    return answerWith({ status: this.folders.has(target) ? 403 : 404, settings: this.settings });
  }
}
