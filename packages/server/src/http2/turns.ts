/** Something that is to be done once before this turn of the event loop ends. */
export interface TurnTask {
  endTurn(): void;
}

let waiting: TurnTask[] = [];

const run = (): void => {
  const tasks = waiting;
  waiting = [];
  for (const task of tasks) task.endTurn();
};

/**
 * What all reads of a turn have led to is done behind them: frames of many answers leave in one write. The caller sees to
 * it that a task does not wait twice.
 */
export const atEndOfTurn = (task: TurnTask): void => {
  if (waiting.length === 0) setImmediate(run);
  waiting.push(task);
};
