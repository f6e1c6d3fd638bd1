import { RESPONSE_CLASSES, VHOST_SLOT } from "../counterTable.ts";

/** Slots behind the words of the statistics. */

export interface ClassSlots {
  readonly name: string;
  readonly words: string;
  readonly count: readonly number[];
  readonly completed: readonly number[];
  readonly firstByteTime: readonly number[];
  readonly completeTime: readonly number[];
}

interface ClassBases {
  readonly count: number;
  readonly completed: number;
  readonly firstByteTime: number;
  readonly completeTime: number;
}

const CLIENT: ClassBases = {
  count: VHOST_SLOT.clientResponseClass,
  completed: VHOST_SLOT.clientCompleted,
  firstByteTime: VHOST_SLOT.clientFirstByteTime,
  completeTime: VHOST_SLOT.clientCompleteTime,
};

const ORIGIN: ClassBases = {
  count: VHOST_SLOT.originResponseClass,
  completed: VHOST_SLOT.originCompleted,
  firstByteTime: VHOST_SLOT.originFirstByteTime,
  completeTime: VHOST_SLOT.originCompleteTime,
};

const at = (bases: ClassBases, name: string, words: string, indexes: readonly number[]): ClassSlots => ({
  name,
  words,
  count: indexes.map((index) => bases.count + index),
  completed: indexes.map((index) => bases.completed + index),
  firstByteTime: indexes.map((index) => bases.firstByteTime + index),
  completeTime: indexes.map((index) => bases.completeTime + index),
});

/** Total and the classes that the guide names; a 101 is in the total alone. */
const classesOf = (bases: ClassBases): readonly ClassSlots[] => [
  at(bases, "Total", "all responses", [...RESPONSE_CLASSES.keys()]),
  ...["2xx", "3xx", "4xx", "5xx"].map((name, index) => at(bases, name, `${name} responses`, [index + 1])),
];

export const CLIENT_CLASSES: readonly ClassSlots[] = classesOf(CLIENT);
export const ORIGIN_CLASSES: readonly ClassSlots[] = classesOf(ORIGIN);

export const CLIENT_RECEIVED: readonly number[] = [VHOST_SLOT.clientRequestBytes];
export const CLIENT_SENT: readonly number[] = [VHOST_SLOT.clientResponseHeadBytes, VHOST_SLOT.clientResponseBodyBytes];
export const ORIGIN_SENT: readonly number[] = [VHOST_SLOT.originRequestBytes];
export const ORIGIN_RECEIVED: readonly number[] = [VHOST_SLOT.originResponseBytes];
