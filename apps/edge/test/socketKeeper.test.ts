import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { SocketKeeper } from "../src/socketKeeper.ts";

const children: ChildProcess[] = [];
const keepers: SocketKeeper[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const keeper of keepers.splice(0)) keeper.close();
});

const support = (name: string): string => fileURLToPath(new URL(`./support/${name}`, import.meta.url));

const run = (
  script: string,
  parameters: readonly string[],
  stdio: readonly ("ignore" | "pipe" | "inherit" | "ipc" | number)[],
): ChildProcess => {
  const child = spawn(
    process.execPath,
    ["--conditions=@basalt/source", "--disable-warning=ExperimentalWarning", script, ...parameters],
    {
      stdio: [...stdio],
      serialization: "advanced",
    },
  );
  children.push(child);
  return child;
};

/** Resolves with the next line that the child prints. */
const nextLine = async (child: ChildProcess): Promise<string> => {
  if (child.stdout === null) throw new Error("no output");
  const [chunk] = await once(child.stdout, "data");
  return String(chunk).trim();
};

const openKeeper = (): SocketKeeper => {
  const keeper = new SocketKeeper();
  keepers.push(keeper);
  return keeper;
};

const startPrimary = (keeper: SocketKeeper): ChildProcess => {
  const child = run(support("fakePrimary.ts"), [], ["ignore", "pipe", "inherit", "ipc"]);
  keeper.serve(child);
  return child;
};

/** Connects, and resolves with what it is told. */
const ask = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", (data) => {
      socket.destroy();
      resolve(String(data));
    });
    socket.once("error", reject);
  });

describe("issue 6, 6: what the launcher keeps from one primary to the next", () => {
  it("a listening socket: connections wait while nobody accepts, and the next primary answers them", async () => {
    const keeper = openKeeper();
    const first = startPrimary(keeper);
    const [, port = "0"] = (await nextLine(first)).split(" ");
    expect(await ask(Number(port))).toBe("bound");
    const ended = once(first, "exit");
    first.kill("SIGKILL");
    await ended;
    const waiting = ask(Number(port));
    const second = startPrimary(keeper);
    expect(await waiting).toBe("taken over");
    expect(await nextLine(second)).toBe(`listens ${port} after ${process.pid}`);
  });

  it("the names of workers that still run, and ends them when it is to end", async () => {
    const keeper = openKeeper();
    const primary = startPrimary(keeper);
    await nextLine(primary);
    expect(keeper.orphans.map(({ pid }) => pid)).toEqual([primary.pid]);
    await keeper.endOrphans();
    expect(keeper.orphans).toEqual([]);
  });

  it("sockets that systemd has made for it, by LISTEN_PID and LISTEN_FDS", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const descriptor: unknown = Reflect.get(Reflect.get(server, "_handle"), "fd");
    if (typeof descriptor !== "number") throw new Error("no descriptor");
    const child = run(support("activated.ts"), [], ["ignore", "pipe", "inherit", descriptor]);
    expect(await nextLine(child)).toBe(`127.0.0.1:${address.port}`);
    server.close();
  });

  it("nothing where LISTEN_PID names another process, and the variables go no further", () => {
    const environment = { LISTEN_PID: "1", LISTEN_FDS: "1", LISTEN_FDNAMES: "http", PATH: "/bin" };
    expect(openKeeper().takeActivated(environment)).toEqual([]);
    expect(environment).toEqual({ PATH: "/bin" });
  });
});
