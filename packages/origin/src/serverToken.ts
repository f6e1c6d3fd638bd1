import { hash } from "node:crypto";

const TOKEN_LENGTH = 16;

/** Stands for a server in a cookie: the same in all workers, and after a restart. */
export const serverToken = (serverId: string): string =>
  hash("sha256", `server ${serverId}`, "base64url").slice(0, TOKEN_LENGTH);
