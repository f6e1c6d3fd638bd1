import type { ObjectCacheParts, ObjectCoordinator, ObjectService } from "@basalt/cache";
import { EdgeError } from "@basalt/types";

type Calls = ObjectService["calls"];
type Events = ObjectService["events"];
type Answers = { readonly [N in keyof Calls]: (request: Calls[N]["request"]) => Promise<Calls[N]["reply"]> };
type Listeners = { readonly [N in keyof Events]: (event: Events[N]) => void };

/** The way from a worker to the primary of the same process; nothing arrives in the turn in which it was sent. */
export class DirectChannel implements Pick<ObjectCacheParts["channel"], "call" | "tell"> {
  readonly #answers: Answers;
  readonly #listeners: Listeners;

  constructor(coordinator: ObjectCoordinator) {
    coordinator.addWorker(1, {
      call: () => Promise.reject(new EdgeError("SHUTTING_DOWN", { detail: "nothing is told to this worker" })),
      tell: () => {},
    });
    this.#answers = {
      acquire: (request) => Promise.resolve(coordinator.acquire(1, request)),
      acquirePart: (request) => Promise.resolve(coordinator.acquirePart(1, request)),
      fallBack: (request) => Promise.resolve(coordinator.fallBack(request) ?? null),
      nextSegment: () => Promise.resolve(1),
      nextFile: () => Promise.resolve(1),
      derive: (request) => coordinator.derive(request),
      outdated: ({ vhost, urls }) => coordinator.outdated(vhost, urls),
    };
    this.#listeners = {
      fillShared: ({ fillId, shared }) => coordinator.fillShared(fillId, shared),
      fillProgress: ({ fillId, progress }) => coordinator.fillProgress(fillId, progress),
      fillEnd: (end) => coordinator.fillEnd(end),
      partProgress: ({ partId, progress }) => coordinator.partProgress(partId, progress),
      partEnd: ({ partId, missingBytes }) => coordinator.partEnd(partId, missingBytes),
      touched: () => {},
      abandonDerivation: ({ id }) => coordinator.abandonDerivation(id),
      damaged: ({ key, location }) => coordinator.damaged(key, location),
      lost: ({ key, file }) => coordinator.lost(key, file),
    };
  }

  async call<N extends keyof Calls>(name: N, request: Calls[N]["request"]): Promise<Calls[N]["reply"]> {
    await new Promise((resolve) => setImmediate(resolve));
    return await this.#answers[name](request);
  }

  tell<N extends keyof Events>(name: N, event: Events[N]): void {
    setImmediate(() => this.#listeners[name](event));
  }
}
