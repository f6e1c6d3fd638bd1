import {
  evaluate,
  FILE_SYSTEM_FIELDS,
  type Field,
  type FieldSource,
  type HostFacts,
  SOCKET_FIELDS,
  SYSTEM_FIELDS,
  TRAFFIC_FIELDS,
  VHOST_FIELDS,
} from "@basalt/telemetry";

/** What is counted: the same for a host, a view and all hosts. */
export type CountedSource = Exclude<FieldSource<unknown>, { readonly kind: "fact" }>;

/** Where an object gets its numbers. */
export interface Counted {
  readonly words: string;
  readonly source: CountedSource;
}

const find = <Facts>(fields: readonly Field<Facts>[], json: string): FieldSource<Facts> => {
  const field = fields.find((one) => one.json === json);
  if (field === undefined) throw new Error(`the statistics have no ${json}`);
  return field.source;
};

const counted = <Facts>(fields: readonly Field<Facts>[], json: string): Counted => {
  const source = find(fields, json);
  if (source.kind === "fact") throw new Error(`${json} is not counted`);
  return { words: json, source };
};

/** As that field of a virtual host. */
export const ofHost = (json: string): Counted => counted(VHOST_FIELDS, json);

/** As that field of a folder of client traffic, of all folders together. */
export const ofClients = (json: string): Counted => counted(TRAFFIC_FIELDS, json);

export const ofFileSystem = (json: string): Counted => counted(FILE_SYSTEM_FIELDS, json);

/** What a field tells per second, as the amount of the whole time. */
export const amountOf = ({ words, source }: Counted): Counted => {
  if (source.kind !== "rate") throw new Error(`${words} is no rate`);
  return { words: `amount of ${words}`, source: { kind: "total", slots: source.slots } };
};

export const ratePerSecond = (words: string, ...slots: readonly number[]): Counted => ({
  words,
  source: { kind: "rate", slots },
});

export const amount = (words: string, ...slots: readonly number[]): Counted => ({
  words,
  source: { kind: "total", slots },
});

export const levelOf = (words: string, ...slots: readonly number[]): Counted => ({
  words,
  source: { kind: "level", slots },
});

const MACHINE_FIELDS = [...SYSTEM_FIELDS, ...SOCKET_FIELDS];

/** Facts of the server come without counters of virtual hosts. */
const NO_FIGURES = { values: new Float64Array(0), seconds: 1, samples: 1, isAverage: true };

/** As that field of the server and its machine. */
export const ofMachine = (json: string): ((facts: HostFacts) => number) => {
  const source = find(MACHINE_FIELDS, json);
  return (facts) => Number(evaluate(source, NO_FIGURES, facts) ?? 0);
};
