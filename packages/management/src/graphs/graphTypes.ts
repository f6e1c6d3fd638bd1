/** GRAPH-07 to GRAPH-11: how long a graph looks back, in what steps, and how large it is. */
export interface GraphType {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly stepSeconds: number;
  readonly points: number;
  /** GRAPH-13. */
  readonly hasPeak: boolean;
  /** GRAPH-17: there is room for what each line was. */
  readonly hasLegend: boolean;
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

const SMALL = { widthPx: 205, heightPx: 175, hasLegend: false } as const;
const LARGE = { widthPx: 580, heightPx: 203, hasLegend: true } as const;

export const GRAPH_TYPES = {
  dash: { ...SMALL, stepSeconds: 5 * MINUTE_SECONDS, points: 144, hasPeak: false },
  day: { ...LARGE, stepSeconds: 5 * MINUTE_SECONDS, points: 576, hasPeak: false },
  week: { ...LARGE, stepSeconds: 30 * MINUTE_SECONDS, points: 672, hasPeak: true },
  month: { ...LARGE, stepSeconds: 2 * HOUR_SECONDS, points: 588, hasPeak: true },
  year: { ...LARGE, stepSeconds: DAY_SECONDS, points: 548, hasPeak: true },
} as const satisfies Readonly<Record<string, GraphType>>;

export type GraphTypeName = keyof typeof GRAPH_TYPES;

export const isGraphTypeName = (text: string): text is GraphTypeName => Object.hasOwn(GRAPH_TYPES, text);

/** Steps in which history is kept, each made of the one before it, with the points that are shown of it (GRAPH-16). */
export const GRAPH_STEPS: readonly Pick<GraphType, "stepSeconds" | "points">[] = [
  GRAPH_TYPES.day,
  GRAPH_TYPES.week,
  GRAPH_TYPES.month,
  GRAPH_TYPES.year,
];
