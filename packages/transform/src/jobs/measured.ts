/** Processor time that this thread has spent since `before`. */
export const cpuMsOf = (before: NodeJS.CpuUsage): number => {
  const spent = process.threadCpuUsage(before);
  return (spent.user + spent.system) / 1000;
};

/** Bytes that alone fill their memory, as a transfer needs them; small results sit in a slab shared by the thread. */
export const ownBytes = (view: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  view.byteLength === view.buffer.byteLength ? new Uint8Array(view.buffer) : Uint8Array.from(view);
