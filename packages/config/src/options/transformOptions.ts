import type { TransformLimits, TransformShare } from "../transformContract.ts";
import { type OptionTable, option } from "./option.ts";
import { duration, integer, megabytes } from "./valueTypes.ts";

/** Places are relative to `<Server>`. */
export const TRANSFORM_LIMIT_OPTIONS: OptionTable<TransformLimits> = {
  queue: option("Cache/TransformQueue", integer({ min: 1, max: 100_000 }), 1_024, {
    doc: "Transforms that may wait for a thread; with more, images are answered 503, and compression is left out.",
    spec: "own element, DIMS-18",
  }),
  deadlineSeconds: option("Cache/TransformDeadline", duration({ min: 1, max: 3_600 }), 30, {
    doc: "How long a transform may wait, and how long it may run; it is given up then.",
    spec: "own element, DIMS-18",
  }),
  memoryBytes: option("Cache/TransformMemory", megabytes({ min: 0, max: 1_048_576 }), 0, {
    defaultNote: "0: by the memory of the host and the number of threads",
    doc: "Memory of the transform host above which no further transform starts; well above it the process is replaced.",
    spec: "own element, DIMS-18",
  }),
};

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const TRANSFORM_SHARE_OPTIONS: OptionTable<TransformShare> = {
  weight: option("TransformShare", integer({ min: 1, max: 10_000 }), 100, {
    doc: "Share of the time of the transform threads, relative to that of other virtual hosts with transforms waiting.",
    spec: "own element, DIMS-18",
  }),
  threads: option("TransformThreads", integer({ min: 0, max: 1_024 }), 0, {
    defaultNote: "0: no limit of its own",
    doc: "Transforms of the virtual host that run at the same time.",
    spec: "own element, DIMS-18",
  }),
};
