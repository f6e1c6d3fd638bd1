/** A primary that knows its launcher and nothing else: takes over a socket or binds one, and answers on it. */
import { createServer } from "node:net";
import { bindListeningSocket } from "@basalt/server/listening-socket";
import { LauncherLink } from "../../src/launcherLink.ts";
import { identify } from "../../src/processIdentity.ts";

const launched = await LauncherLink.open();
if (launched === undefined) throw new Error("no launcher");
const { link, taken } = launched;
const [kept] = taken.sockets;
const handle = kept?.handle ?? bindListeningSocket("127.0.0.1", 0);
const name: { port?: number } = {};
handle.getsockname(name);
const { port = 0 } = name;
createServer((socket) => socket.end(kept === undefined ? "bound" : "taken over")).listen(handle);
if (kept === undefined) link.hold({ place: `127.0.0.1:${port}`, port, isActivated: false }, handle);
await link.enlist(identify(process.pid));
process.stdout.write(`listens ${port} after ${taken.launcher.pid}\n`);
