import type { Home } from "./home.ts";

/** Options of all commands; each command names those it takes. */
export interface CommandOptions {
  readonly json: boolean;
  readonly foreground: boolean;
  readonly full: boolean;
  readonly follow: boolean;
  readonly lines: string | undefined;
  readonly timeout: string | undefined;
  readonly age: string | undefined;
  readonly method: string | undefined;
  readonly header: readonly string[] | undefined;
  readonly listen: string | undefined;
  readonly client: string | undefined;
  readonly absolute: boolean;
  readonly vhost: string | undefined;
  readonly watch: boolean;
  readonly trace: string | undefined;
  readonly file: string | undefined;
  readonly seconds: string | undefined;
  readonly prefix: string | undefined;
}

export interface Invocation {
  readonly home: Home;
  readonly options: CommandOptions;
  readonly words: readonly string[];
}

export interface Command {
  readonly name: string;
  /** Words behind the name, as `help` shows them; each is needed. */
  readonly words: readonly string[];
  readonly options: readonly (keyof CommandOptions)[];
  readonly doc: string;
  /** Resolves with the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>;
}

/** A command line that cannot be right: its message is printed with the usage. */
export class UsageError extends Error {}

export const parseWholeNumber = (text: string, name: string, minimum: number, maximum: number): number => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum)) {
    throw new UsageError(`${name} must be a whole number from ${minimum} to ${maximum}.`);
  }
  return value;
};
