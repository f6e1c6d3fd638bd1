import type { AttemptListener } from "./attempt.ts";

/** A code of 0 stands for any response (ORG-07). */
const isAccepted = (status: number, resCodes: readonly number[]): boolean =>
  resCodes.length === 0 || resCodes.includes(0) || resCodes.includes(status);

/** Ends the probe as soon as the status is known (ORG-09) and judges it; any failure is an unsuccessful probe. */
export const probeListener = (
  resCodes: readonly number[],
  abort: () => void,
  done: (successful: boolean) => void,
): AttemptListener => ({
  onInformation: () => {},
  onHead: (head) => {
    abort();
    done(isAccepted(head.status, resCodes));
  },
  onData: () => true,
  onComplete: () => {},
  onUpgrade: (_, socket) => {
    socket.destroy();
    done(false);
  },
  onFailure: () => done(false),
});
