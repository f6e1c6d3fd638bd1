import { type LookupOneOptions, lookup } from "node:dns";

type Told = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;
type Lookup = (host: string, options: LookupOneOptions, told: Told) => void;

const KEPT_MS = 30_000;
/** A name that cannot be resolved is asked for again sooner. */
const FAILURE_KEPT_MS = 5_000;

interface Answer {
  readonly error: NodeJS.ErrnoException | null;
  readonly address: string;
  readonly family: number;
  readonly untilMs: number;
}

/** Resolves each name once in a while: a socket would do so for every datagram, on the threads that files need too. */
export const rememberingLookup = (resolve: Lookup = lookup, nowMs = () => performance.now()): Lookup => {
  const answers = new Map<string, Answer>();
  const waiting = new Map<string, Told[]>();
  return (host, options, told) => {
    const known = answers.get(host);
    if (known !== undefined && nowMs() < known.untilMs) {
      told(known.error, known.address, known.family);
      return;
    }
    const others = waiting.get(host);
    if (others !== undefined) {
      others.push(told);
      return;
    }
    const asking = [told];
    waiting.set(host, asking);
    resolve(host, options, (error, address, family) => {
      waiting.delete(host);
      answers.set(host, { error, address, family, untilMs: nowMs() + (error === null ? KEPT_MS : FAILURE_KEPT_MS) });
      for (const one of asking) one(error, address, family);
    });
  };
};
