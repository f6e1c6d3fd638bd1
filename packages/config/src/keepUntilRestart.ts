import type { EdgeConfig } from "./contract.ts";
import { deepFreeze } from "./deepFreeze.ts";
import { SERVER_OPTIONS } from "./options/serverOptions.ts";
import { keepSettings } from "./options/walkTable.ts";

/**
 * What a reload puts in service: `next`, but with the values of `current` where a change needs a restart (CFG-31). Of
 * virtual hosts nothing is tied to a start alone (`keepUntilCleared`).
 */
export const keepUntilRestart = (current: EdgeConfig, next: EdgeConfig): EdgeConfig =>
  deepFreeze({ ...next, server: keepSettings(SERVER_OPTIONS, current.server, next.server) });
