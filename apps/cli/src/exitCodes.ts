/** What the program tells the shell; `help` prints this table. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  /** The primary asks its launcher to start it again at once. */
  restartRequested: 75,
  configuration: 78,
} as const;

export const EXIT_DOCS: readonly (readonly [number, string])[] = [
  [EXIT.done, "done"],
  [EXIT.failed, "it did not work; the reason is on standard error"],
  [EXIT.usage, "the command line is wrong"],
  [EXIT.notRunning, "the instance is not running"],
  [EXIT.configuration, "the instance cannot start with this configuration"],
];
