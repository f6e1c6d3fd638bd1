/** Says which sockets it was started with. */
import { SocketKeeper } from "../../src/socketKeeper.ts";

process.env.LISTEN_PID = String(process.pid);
process.env.LISTEN_FDS = "1";
const keeper = new SocketKeeper();
process.stdout.write(`${keeper.takeActivated(process.env).join(" ")}\n`);
keeper.close();
