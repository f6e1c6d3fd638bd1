import { EdgeError } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallHandlers, Channel, createPortPair, type EventHandlers } from "../src/index.ts";

interface Clerk {
  readonly calls: {
    add: { readonly request: { readonly left: number; readonly right: number }; readonly reply: number };
    fail: { readonly request: null; readonly reply: null };
    stumble: { readonly request: null; readonly reply: null };
    wait: { readonly request: null; readonly reply: string };
    echo: { readonly request: unknown; readonly reply: unknown };
  };
  readonly events: { note: { readonly number: number } };
}

interface Visitor {
  readonly calls: { name: { readonly request: null; readonly reply: string } };
  readonly events: { hint: string };
}

const openPair = (over: Partial<CallHandlers<Clerk>> = {}) => {
  const [left, right] = createPortPair();
  const notes: number[] = [];
  const handles: unknown[] = [];
  const hints: string[] = [];
  const calls: CallHandlers<Clerk> = {
    add: (sum) => sum.left + sum.right,
    fail: () => {
      throw new EdgeError("STORE_UNAVAILABLE", { detail: "the disk is full" });
    },
    stumble: () => {
      throw new TypeError("no such thing");
    },
    wait: () => new Promise(() => {}),
    echo: (value) => value,
    ...over,
  };
  const events: EventHandlers<Clerk> = {
    note: ({ number }, handle) => {
      notes.push(number);
      handles.push(handle);
    },
  };
  const clerk = new Channel<Clerk, Visitor>(right, calls, events);
  const visitor = new Channel<Visitor, Clerk>(left, { name: () => "visitor" }, { hint: (text) => hints.push(text) });
  return { clerk, visitor, notes, handles, hints };
};

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe("calls", () => {
  it("are answered, both ways at the same time", async () => {
    const { clerk, visitor } = openPair();
    expect(await Promise.all([visitor.call("add", { left: 2, right: 3 }), clerk.call("name", null)])).toEqual([
      5,
      "visitor",
    ]);
  });

  it("find their own answer, whatever the order of answers", async () => {
    const releases: (() => void)[] = [];
    const { visitor } = openPair({
      add: async ({ left, right }) => {
        await new Promise<void>((resolve) => releases.push(resolve));
        return left + right;
      },
    });
    const sums = [1, 2, 3, 4].map((number) => visitor.call("add", { left: number, right: 10 }));
    await settle();
    for (const release of releases.reverse()) release();
    expect(await Promise.all(sums)).toEqual([11, 12, 13, 14]);
  });

  it("fail with the code and detail that their handler threw", async () => {
    const failure = await openPair()
      .visitor.call("fail", null)
      .catch((cause: unknown) => cause);
    expect(failure).toBeInstanceOf(EdgeError);
    expect(failure).toMatchObject({ code: "STORE_UNAVAILABLE", detail: "the disk is full" });
  });

  it("fail as INTERNAL where the handler stumbled, and the channel stays open", async () => {
    const { visitor } = openPair();
    await expect(visitor.call("stumble", null)).rejects.toMatchObject({ code: "INTERNAL", detail: "no such thing" });
    expect(await visitor.call("add", { left: 1, right: 1 })).toBe(2);
  });

  it("that the other side does not know fail, those of every object's prototype too", async () => {
    for (const name of ["nothing", "constructor", "toString", "__proto__"]) {
      const [left, right] = createPortPair();
      const replies: unknown[] = [];
      left.onMessage((message) => replies.push(message));
      new Channel(right, {}, {});
      left.post({ kind: "call", id: 7, name, body: null });
      await settle();
      expect(replies).toMatchObject([{ kind: "error", id: 7, code: "INTERNAL" }]);
    }
  });

  it("carry plain data of any shape", async () => {
    const { visitor } = openPair();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        expect(await visitor.call("echo", value)).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });

  it("copy what they carry", async () => {
    const { visitor } = openPair();
    const sent = { list: [1] };
    const answer = visitor.call("echo", sent);
    sent.list.push(2);
    expect(await answer).toEqual({ list: [1] });
  });

  it("an answer that cannot be carried is a failure, not a silence", async () => {
    const { visitor } = openPair({ echo: () => () => {} });
    await expect(visitor.call("echo", null)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("a question that cannot be carried fails", async () => {
    await expect(openPair().visitor.call("echo", () => {})).rejects.toThrow();
  });

  it("a Buffer arrives as a Buffer, as it does between processes", async () => {
    const { visitor } = openPair({ echo: (value) => Buffer.isBuffer(value) });
    expect(await visitor.call("echo", Buffer.from("key"))).toBe(true);
  });
});

describe("events", () => {
  it("come in the order in which they were told, between calls too", async () => {
    const { visitor, notes } = openPair();
    for (let number = 0; number < 100; number++) visitor.tell("note", { number });
    await visitor.call("add", { left: 0, right: 0 });
    expect(notes).toEqual(Array.from({ length: 100 }, (_, number) => number));
  });

  it("may bring a handle along", async () => {
    const { visitor, handles } = openPair();
    const handle = { fd: 5 };
    visitor.tell("note", { number: 1 }, handle);
    visitor.tell("note", { number: 2 });
    await settle();
    expect(handles).toEqual([handle, undefined]);
  });

  it("that nobody knows are ignored", async () => {
    const [left, right] = createPortPair();
    const channel = new Channel(right, {}, {});
    left.post({ kind: "event", name: "constructor", body: null });
    left.post({ kind: "event", name: "news", body: null });
    left.post({ kind: "reply", id: 99, body: null });
    left.post({ kind: "error", id: 99, code: "INTERNAL", detail: "" });
    await settle();
    expect(channel.isOpen).toBe(true);
  });
});

describe("the end of a channel", () => {
  it.each(["clerk", "visitor"] as const)(
    "closed by the %s: waiting calls fail with SHUTTING_DOWN on both sides",
    async (closer) => {
      const pair = openPair();
      const waiting = pair.visitor.call("wait", null);
      const failed = expect(waiting).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
      await settle();
      pair[closer].close();
      await failed;
      expect([pair.clerk.isOpen, pair.visitor.isOpen]).toEqual([false, false]);
    },
  );

  it("later calls fail at once and later events are dropped", async () => {
    const { clerk, visitor, notes } = openPair();
    clerk.close();
    await expect(visitor.call("add", { left: 1, right: 1 })).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    visitor.tell("note", { number: 1 });
    await settle();
    expect(notes).toEqual([]);
  });

  it("is told once to each listener, also to one that comes late", () => {
    const { clerk, visitor } = openPair();
    const told: string[] = [];
    visitor.onClose(() => told.push("early"));
    clerk.close();
    clerk.close();
    visitor.close();
    visitor.onClose(() => told.push("late"));
    expect(told).toEqual(["early", "late"]);
  });

  it("an answer that is ready after the end is dropped", async () => {
    let release = (): void => {};
    const { clerk, visitor } = openPair({
      wait: () =>
        new Promise((resolve) => {
          release = () => resolve("late");
        }),
    });
    const waiting = visitor.call("wait", null).catch((cause: unknown) => EdgeError.from(cause).code);
    await settle();
    clerk.close();
    release();
    expect(await waiting).toBe("SHUTTING_DOWN");
    await settle();
  });
});
