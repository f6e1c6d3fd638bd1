import { type Clock, systemClock } from "@basalt/types";
import { onTestFinished } from "vitest";
import type { OriginBoard, OriginSettings, OriginView } from "../../src/contract.ts";
import type { OriginEvent } from "../../src/events.ts";
import { createOriginBoard, type OriginBoardDependencies } from "../../src/originBoard.ts";
import type { OriginResolver } from "../../src/resolver.ts";
import type { Scheduler } from "../../src/scheduler.ts";

export type BoardParts = Partial<Pick<OriginBoardDependencies, "resolver" | "connector">> & {
  readonly clock?: Clock;
  readonly schedule?: Scheduler;
};

export interface TestBoard {
  readonly board: OriginBoard;
  readonly views: OriginView[];
  readonly events: OriginEvent[];
}

const nobodyKnows: OriginResolver = { resolve: (domain) => notFound(domain) };

export const openBoard = (
  vhosts: readonly OriginSettings[],
  parts: BoardParts & Partial<Pick<OriginBoardDependencies, "onView" | "onEvent">> = {},
): TestBoard => {
  const views: OriginView[] = [];
  const events: OriginEvent[] = [];
  const { clock = systemClock, resolver = nobodyKnows, connector, schedule, onView, onEvent } = parts;
  const board = createOriginBoard({
    clock,
    resolver,
    ...(connector === undefined ? {} : { connector }),
    ...(schedule === undefined ? {} : { schedule }),
    onView: (view) => {
      views.push(view);
      onView?.(view);
    },
    onEvent: (event) => {
      events.push(event);
      onEvent?.(event);
    },
  });
  onTestFinished(() => board.close());
  board.configure(vhosts);
  return { board, views, events };
};

const notFound = (domain: string): Promise<never> =>
  Promise.reject(Object.assign(new Error(`ENOTFOUND ${domain}`), { code: "ENOTFOUND" }));

/** A name server whose answers the test changes; names without answer do not exist. */
export class FakeResolver implements OriginResolver {
  readonly answers = new Map<string, Record<string, number>>();
  readonly asked: string[] = [];

  /** IPs with their TTLs in seconds. */
  answer(domain: string, ips: Record<string, number>): this {
    this.answers.set(domain, ips);
    return this;
  }

  resolve(domain: string, family: 4 | 6): ReturnType<OriginResolver["resolve"]> {
    this.asked.push(`${domain} ${family}`);
    const ips = Object.entries(this.answers.get(domain) ?? {}).filter(([ip]) => ip.includes(":") === (family === 6));
    if (ips.length === 0) return notFound(domain);
    return Promise.resolve(ips.map(([ip, ttlSeconds]) => ({ ip, ttlSeconds })));
  }
}
