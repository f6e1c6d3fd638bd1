import { totalmem } from "node:os";
import type { EdgeConfig, TransformShare, VhostSettings } from "@basalt/config";
import type { TransformSettings } from "./protocol.ts";

const MEBIBYTE = 1024 ** 2;
const BASE_BYTES = 256 * MEBIBYTE;
/** A picture of 100 million pixels, decoded. */
const THREAD_BYTES = 384 * MEBIBYTE;
/** The transform host takes no more than this share of the machine unless told so. */
const MACHINE_SHARE = 0.25;
const LEAST_BYTES = 256 * MEBIBYTE;

/** `physicalBytes`: of the machine. */
export const transformSettings = (config: EdgeConfig, physicalBytes: number = totalmem()): TransformSettings => {
  const { transformThreads, transforms } = config.server.cache;
  const byThreads = BASE_BYTES + transformThreads * THREAD_BYTES;
  const byMachine = Math.floor(physicalBytes * MACHINE_SHARE);
  return {
    threads: transformThreads,
    queueLimit: transforms.queue,
    deadlineMs: transforms.deadlineSeconds * 1000,
    memoryBytes:
      transforms.memoryBytes === 0 ? Math.max(LEAST_BYTES, Math.min(byThreads, byMachine)) : transforms.memoryBytes,
  };
};

const shares = new WeakMap<EdgeConfig, ReadonlyMap<string, TransformShare>>();

/** What a virtual host may take, by its name. */
export const transformShareOf = (config: EdgeConfig, vhost: string): TransformShare => {
  let byName = shares.get(config);
  if (byName === undefined) {
    byName = new Map(config.vhosts.map(({ name, options }: VhostSettings) => [name, options.transforms]));
    shares.set(config, byName);
  }
  return byName.get(vhost) ?? NO_SHARE;
};

/** Of a virtual host that has just been removed. */
const NO_SHARE: TransformShare = { weight: 1, threads: 1 };
