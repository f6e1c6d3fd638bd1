const LIMIT_MS = 60_000;

/** Lets the event loop turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const turns = async (count: number): Promise<void> => {
  for (let index = 0; index < count; index++) await turn();
};

/** Turns the event loop until the condition holds. */
export const until = async (holds: () => boolean, what = "the expected state"): Promise<void> => {
  const started = performance.now();
  while (!holds()) {
    if (performance.now() - started > LIMIT_MS) throw new Error(`${what} did not come`);
    await turn();
  }
};

/** Whether a promise has settled after a while in which everything that could happen has happened. */
export const isSettled = async (promise: Promise<unknown>, turnCount = 200): Promise<boolean> => {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let index = 0; index < turnCount && !settled; index++) await turn();
  return settled;
};
