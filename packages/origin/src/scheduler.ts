/** Runs a task again and again until the result is called. */
export type Scheduler = (intervalMs: number, task: () => void) => () => void;

/** Timers that do not keep the process alive. */
export const unrefScheduler: Scheduler = (intervalMs, task) => {
  const timer = setInterval(task, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

/** Runs a task once, unless the result is called before. */
export const runAfter = (schedule: Scheduler, delayMs: number, task: () => void): (() => void) => {
  const stop = schedule(delayMs, () => {
    stop();
    task();
  });
  return stop;
};
