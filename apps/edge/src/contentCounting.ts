import type { DeriveReply, DeriveRequest, ObjectCoordinator } from "@basalt/cache";
import { inHundredthsOfMs } from "@basalt/origin";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";

/** What the primary does about content, counted for its virtual host. */

type Derive = (request: DeriveRequest) => Promise<DeriveReply>;

/** STAT-68; what turned out not worth compressing is neither a success nor a failure. */
export const countedDerive =
  (derive: Derive, counters: CounterBlock): Derive =>
  async (request) => {
    const offset = counters.vhost(request.image.vhost);
    const { compression } = VHOST_SLOT;
    const add = (slot: number, amount: number): void => counters.add(offset + slot, amount);
    const startedMs = performance.now();
    const countEnd = (): void => {
      add(compression.sourceBytes, request.source.bodyBytes);
      add(compression.time, inHundredthsOfMs(performance.now() - startedMs));
    };
    add(compression.requests, 1);
    try {
      const reply = await derive(request);
      if (reply.kind === "stored") {
        add(compression.converted, 1);
        add(compression.resultBytes, reply.location.bodyBytes);
        countEnd();
      }
      return reply;
    } catch (cause) {
      add(compression.failed, 1);
      countEnd();
      throw cause;
    }
  };

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
