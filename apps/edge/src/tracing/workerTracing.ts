import type { EdgeConfig, TracingSettings, VhostSettings } from "@basalt/config";
import type { OriginTransaction } from "@basalt/origin";
import { compileGlob } from "@basalt/policy";
import type { RequestTracing } from "@basalt/server";
import {
  type ClientTransaction,
  type CounterBlock,
  type LatePart,
  lateDocument,
  PROCESS_SLOT,
  RequestTrace,
  Sampler,
  segmentDocument,
  type TraceRecord,
  type TracingRules,
  traceDropSlot,
  VHOST_SLOT,
} from "@basalt/telemetry";
import { isTracing } from "../logs/logPlans.ts";
import type { WorkerShare } from "../protocol.ts";
import { CollectorSender } from "./collectorSender.ts";
import { OtlpOutput } from "./otlpOutput.ts";

export interface WorkerTracingParts {
  readonly counters: CounterBlock;
  /** A line of the trace log of a virtual host; it is made where somebody wants it. */
  readonly log: (vhost: string, document: () => string) => void;
  readonly warn: (text: string) => void;
}

/** Where the records of a virtual host go. */
interface Outputs {
  /** Address of a collector. */
  readonly collector: string | undefined;
  readonly otlp: OtlpOutput | undefined;
}

const ANY_PATH = "*";

/** The traces of a worker's requests: which are sampled, and where what is recorded of them goes. */
export class WorkerTracing implements RequestTracing {
  readonly #parts: WorkerTracingParts;
  readonly #collectors: CollectorSender;
  readonly #receivers = new Map<string, OtlpOutput>();
  #outputs: ReadonlyMap<string, Outputs> = new Map();
  #share: WorkerShare = { place: 0, workers: 1 };

  constructor(parts: WorkerTracingParts) {
    this.#parts = parts;
    this.#collectors = new CollectorSender(() => parts.counters.add(traceDropSlot("collector"), 1));
  }

  setShare(share: WorkerShare): void {
    this.#share = share;
  }

  configure(config: EdgeConfig): void {
    const traced = config.vhosts.filter(isTracing);
    const hostName = config.server.host.name;
    this.#outputs = new Map(traced.map((vhost) => [vhost.name, this.#outputsOf(vhost, hostName)]));
    const wanted = new Set([...this.#outputs.values()].map(({ otlp }) => otlp));
    for (const [key, receiver] of this.#receivers) {
      if (wanted.has(receiver)) continue;
      this.#receivers.delete(key);
      void receiver.close();
    }
  }

  rulesOf(settings: VhostSettings): TracingRules | undefined {
    if (!isTracing(settings)) return undefined;
    const { header, fromClients, perSecond, ratePercent, rules } = settings.options.tracing;
    const sampler = new Sampler(
      [...rules, { path: ANY_PATH, perSecond, ratePercent }].map((rule) => ({
        ...rule,
        matches: compileGlob(rule.path, settings.options.caseSensitive),
      })),
      { workers: () => this.#share.workers },
    );
    return { vhost: settings.name, header, fromClients, decide: (path, nowMs) => sampler.decide(path, nowMs) };
  }

  finished(trace: RequestTrace, transaction: ClientTransaction): void {
    const outputs = this.#outputs.get(trace.rules.vhost);
    const record = trace.finish(transaction);
    if (outputs === undefined) return;
    const { counters } = this.#parts;
    counters.add(PROCESS_SLOT.tracedRequests, 1);
    counters.add(counters.vhost(trace.rules.vhost) + VHOST_SLOT.clientTraced, 1);
    this.#put(outputs, record, segmentDocument);
  }

  /** An exchange with an origin has ended. */
  noteOrigin(transaction: OriginTransaction): void {
    const { cause } = transaction;
    if (!(cause instanceof RequestTrace)) return;
    const late = cause.noteExchange(transaction);
    const outputs = this.#outputs.get(cause.rules.vhost);
    if (late !== undefined && outputs !== undefined) this.#put(outputs, late, lateDocument);
  }

  /** Sends what is on its way, within a moment. */
  async close(): Promise<void> {
    await Promise.all([...this.#receivers.values()].map((receiver) => receiver.close()));
    this.#collectors.close();
  }

  #put<Item extends TraceRecord | LatePart>(outputs: Outputs, item: Item, documentOf: (item: Item) => string): void {
    const { collector, otlp } = outputs;
    let text: string | undefined;
    const document = (): string => {
      text ??= documentOf(item);
      return text;
    };
    this.#parts.log(item.vhost, document);
    if (collector !== undefined) this.#collectors.send(collector, document());
    otlp?.add(item);
  }

  #outputsOf({ options }: VhostSettings, hostName: string): Outputs {
    const { collector, otlp }: TracingSettings = options.tracing;
    return {
      collector: collector.enabled ? collector.address : undefined,
      otlp: otlp === "" ? undefined : this.#receiver(otlp, hostName),
    };
  }

  #receiver(url: string, hostName: string): OtlpOutput {
    const key = `${url} ${hostName}`;
    const known = this.#receivers.get(key);
    if (known !== undefined) return known;
    const { counters, warn } = this.#parts;
    const receiver = new OtlpOutput({
      open: async () => (await import("./otlpExporter.ts")).createSpanExporter(url, hostName),
      onExported: (spans) => counters.add(PROCESS_SLOT.traceSpansExported, spans),
      onDropped: (records) => counters.add(traceDropSlot("otlp"), records),
      onProblem: (reason) => warn(`tracing: ${url} takes no spans: ${reason}`),
    });
    this.#receivers.set(key, receiver);
    return receiver;
  }
}
