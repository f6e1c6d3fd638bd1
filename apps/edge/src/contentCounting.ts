import type { DeriveReply, DeriveRequest, ObjectCoordinator } from "@basalt/cache";
import { inHundredthsOfMs } from "@basalt/origin";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";
import { unreachable } from "@basalt/types";

/** What the primary does about content, counted for its virtual host. */

type Derive = (request: DeriveRequest) => Promise<DeriveReply>;

/** STAT-67, STAT-68; what turned out not worth changing is neither a success nor a failure. */
export const countedDerive =
  (derive: Derive, counters: CounterBlock): Derive =>
  async (request) => {
    const slots = slotsOf(request);
    if (slots === undefined) return await derive(request);
    const offset = counters.vhost(request.vhost);
    const add = (slot: number, amount: number): void => counters.add(offset + slot, amount);
    const startedMs = performance.now();
    const countEnd = (): void => {
      add(slots.sourceBytes, sourceBytesOf(request));
      add(slots.time, inHundredthsOfMs(performance.now() - startedMs));
    };
    add(slots.requests, 1);
    try {
      const reply = await derive(request);
      switch (reply.kind) {
        case "stored":
        case "made":
          add(slots.converted, 1);
          add(slots.resultBytes, reply.kind === "made" ? reply.body.length : reply.location.bodyBytes);
          countEnd();
          break;
        case "refused":
          add(slots.failed, 1);
          countEnd();
          break;
        case "unchanged":
        case "lacking":
          break;
        default:
          return unreachable(reply);
      }
      return reply;
    } catch (cause) {
      add(slots.failed, 1);
      countEnd();
      throw cause;
    }
  };

type ConversionSlots = typeof VHOST_SLOT.compression | typeof VHOST_SLOT.dims;

/** What is encrypted, and what is made of media, has no figures of its own. */
const slotsOf = ({ operation }: DeriveRequest): ConversionSlots | undefined => {
  switch (operation.kind) {
    case "compress":
      return VHOST_SLOT.compression;
    case "image":
      return VHOST_SLOT.dims;
    case "encrypt":
    case "media":
    case "mediaIndex":
      return undefined;
    default:
      return unreachable(operation);
  }
};

const sourceBytesOf = ({ source }: DeriveRequest): number =>
  source.kind === "stored" ? source.location.bodyBytes : source.body.length;

type Invalidator = Pick<ObjectCoordinator, "invalidateAll" | "measure">;

/** STAT-59: objects purged, and objects expired by force. */
export const countedInvalidations = (coordinator: Invalidator, counters: CounterBlock): Invalidator => ({
  measure: (requests) => coordinator.measure(requests),
  invalidateAll: async (requests) => {
    const affected = await coordinator.invalidateAll(requests);
    requests.forEach(({ vhost, action }, index) => {
      const isExpiry = action.kind === "expire" || action.kind === "expireafter";
      const slot = isExpiry ? VHOST_SLOT.expiredObjects : VHOST_SLOT.purgedObjects;
      counters.add(counters.vhost(vhost) + slot, affected[index]?.count ?? 0);
    });
    return affected;
  },
});
