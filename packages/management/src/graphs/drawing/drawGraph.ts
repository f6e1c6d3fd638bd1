import { GRAPH_TYPES, type GraphTypeName } from "../graphTypes.ts";
import { Canvas, type Rectangle } from "./canvas.ts";
import { fitText, LETTER_HEIGHT_PX, textWidthPx } from "./font.ts";
import { timeTicks } from "./timeAxis.ts";
import { formatValue, type ValueAxis, valueAxis } from "./valueAxis.ts";

export interface DrawnLine {
  readonly label: string;
  /** `#RRGGBB`. */
  readonly color: string;
  /** One for each step; NaN is a gap. */
  readonly points: Float64Array;
  /** Down to 0, as the Main line has it. */
  readonly isFilled: boolean;
}

export interface GraphPicture {
  readonly type: GraphTypeName;
  readonly title: string;
  /** What virtual host it is of; undefined of the server. */
  readonly subject: string | undefined;
  readonly unit: string;
  readonly base: 1000 | 1024;
  /** When the first step begins. */
  readonly fromMs: number;
  readonly lines: readonly DrawnLine[];
}

const GROUND = "#F4F4F4";
const PLOT = "#FFFFFF";
const GRID = "#C8C8C8";
const FRAME = "#808080";
const INK = "#000000";

const MARGIN_PX = 6;
const TITLE_PX = 15;
/** A small picture has the virtual host below the title. */
const SUBJECT_PX = 10;
/** Room for `-1.25 M`. */
const VALUE_LABEL_PX = 46;
const TIME_LABEL_PX = 13;
const LEGEND_ROW_PX = 9;
/** So many lines have a row of the legend each. */
const SINGLE_ROWS = 4;
const SWATCH_PX = 6;

/** One moment in which origins sent far more than clients got (STAT-25) is not to be all that can be seen. */
const LEAST_PERCENT = -100;

interface Layout {
  readonly plot: Rectangle;
  readonly legendColumns: number;
  readonly legendTop: number;
}

const layOut = ({ type, lines, subject }: GraphPicture): Layout => {
  const { widthPx, heightPx, hasLegend } = GRAPH_TYPES[type];
  const legendColumns = lines.length > SINGLE_ROWS ? 2 : 1;
  const legendRows = hasLegend ? Math.ceil(lines.length / legendColumns) + (legendColumns === 1 ? 0 : 1) : 0;
  const legendPx = legendRows === 0 ? 0 : legendRows * LEGEND_ROW_PX + 3;
  const left = VALUE_LABEL_PX;
  const top = TITLE_PX + (hasLegend || subject === undefined ? 0 : SUBJECT_PX);
  const height = heightPx - top - TIME_LABEL_PX - legendPx - 2;
  const plot = { x: left, y: top, width: widthPx - left - MARGIN_PX - 2, height };
  return { plot, legendColumns, legendTop: top + height + TIME_LABEL_PX };
};

/** Where a value stands: the first row of the plot for the highest, its last for the lowest. */
const rowOf = (value: number, { lowest, highest }: ValueAxis, { y, height }: Rectangle): number => {
  const share = Math.min(1, Math.max(0, (value - lowest) / (highest - lowest)));
  return y + Math.round((1 - share) * (height - 1));
};

/** Values from the lowest to the highest of each column: with more columns than points some have one between two. */
const columnsOf = (points: Float64Array, width: number): readonly (readonly number[])[] => {
  const columns: number[][] = Array.from({ length: width }, () => []);
  const scale = points.length < 2 ? 0 : (width - 1) / (points.length - 1);
  points.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    const at = Math.round(index * scale);
    columns[at]?.push(value);
    const following = points[index + 1] ?? Number.NaN;
    if (Number.isNaN(following)) return;
    const end = Math.round((index + 1) * scale);
    for (let x = at + 1; x < end; x++) columns[x]?.push(value + ((following - value) * (x - at)) / (end - at));
  });
  return columns;
};

const drawLine = (canvas: Canvas, { points, color, isFilled }: DrawnLine, axis: ValueAxis, plot: Rectangle): void => {
  const zero = rowOf(0, axis, plot);
  let before: number | undefined;
  columnsOf(points, plot.width).forEach((values, column) => {
    const x = plot.x + column;
    const rows = values.map((value) => rowOf(value, axis, plot));
    const first = rows[0];
    if (first === undefined) {
      before = undefined;
      return;
    }
    const ends = [...rows, before ?? first, ...(isFilled ? [zero] : [])];
    const [top, bottom] = [Math.min(...ends), Math.max(...ends)];
    canvas.fill({ x, y: top, width: 1, height: bottom - top + 1 }, color);
    before = rows.at(-1);
  });
};

const drawGrid = (canvas: Canvas, picture: GraphPicture, axis: ValueAxis, plot: Rectangle): void => {
  const { stepSeconds, points } = GRAPH_TYPES[picture.type];
  const lengthMs = stepSeconds * points * 1_000;
  const labelTop = plot.y + plot.height + 4;
  let labelEnd = 0;
  for (const { atMs, label } of timeTicks(picture.type, picture.fromMs, picture.fromMs + lengthMs)) {
    const x = plot.x + Math.round(((atMs - picture.fromMs) / lengthMs) * (plot.width - 1));
    canvas.dottedDown(x, plot.y, plot.height, GRID);
    if (label === undefined) continue;
    const width = textWidthPx(label);
    const start = Math.min(canvas.width - width - 2, x - Math.floor(width / 2));
    if (start < labelEnd) continue;
    canvas.text(label, start, labelTop, INK);
    labelEnd = start + width + 4;
  }
  for (const tick of axis.ticks) canvas.dotted(plot.x, rowOf(tick, axis, plot), plot.width, GRID);
};

const drawFrame = (canvas: Canvas, axis: ValueAxis, plot: Rectangle, base: 1000 | 1024): void => {
  canvas.fill({ x: plot.x - 1, y: plot.y, width: 1, height: plot.height + 1 }, FRAME);
  canvas.fill({ x: plot.x - 1, y: plot.y + plot.height, width: plot.width + 1, height: 1 }, FRAME);
  let above = Number.POSITIVE_INFINITY;
  for (const tick of axis.ticks) {
    const row = rowOf(tick, axis, plot);
    canvas.fill({ x: plot.x - 3, y: row, width: 2, height: 1 }, FRAME);
    const top = Math.max(plot.y - 2, row - (LETTER_HEIGHT_PX >> 1));
    if (top + LETTER_HEIGHT_PX + 2 > above) continue;
    canvas.textUpTo(formatValue(tick, base), plot.x - 5, top, INK);
    above = top;
  }
};

/** Last, mean and maximum (GRAPH-17); NaN without any value. */
const figuresOf = (points: Float64Array): readonly number[] => {
  const known = points.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return [Number.NaN, Number.NaN, Number.NaN];
  const sum = known.reduce((total, value) => total + value, 0);
  return [known.at(-1) ?? Number.NaN, sum / known.length, Math.max(...known)];
};

const LEGEND_FORMS = {
  /** Each number has its word. */
  single: { endPx: 440, eachPx: 100 },
  /** The words stand above the columns. */
  double: { endPx: 276, eachPx: 42 },
} as const;

const FIGURE_WORDS = ["last", "mean", "max"] as const;

const drawLegend = (canvas: Canvas, { lines, base }: GraphPicture, { legendTop, legendColumns }: Layout): void => {
  const isSingle = legendColumns === 1;
  const { endPx, eachPx } = isSingle ? LEGEND_FORMS.single : LEGEND_FORMS.double;
  const rows = Math.ceil(lines.length / legendColumns);
  const rightOf = (x: number, figure: number): number => x + endPx - (FIGURE_WORDS.length - 1 - figure) * eachPx;
  const columnPx = Math.floor((canvas.width - 2 * MARGIN_PX) / legendColumns);
  const firstRow = isSingle ? 0 : 1;
  for (let column = 0; !isSingle && column < legendColumns; column++) {
    FIGURE_WORDS.forEach((word, figure) => {
      canvas.textUpTo(word, rightOf(MARGIN_PX + column * columnPx, figure), legendTop, FRAME);
    });
  }
  lines.forEach(({ label, color, points }, index) => {
    const x = MARGIN_PX + Math.floor(index / rows) * columnPx;
    const y = legendTop + (firstRow + (index % rows)) * LEGEND_ROW_PX;
    canvas.fill({ x, y: y + 1, width: SWATCH_PX, height: SWATCH_PX }, color);
    canvas.text(label, x + SWATCH_PX + 4, y, INK);
    figuresOf(points).forEach((value, figure) => {
      const number = formatValue(value, base).replace(" ", "");
      canvas.textUpTo(isSingle ? `${FIGURE_WORDS[figure] ?? ""} ${number}` : number, rightOf(x, figure), y, INK);
    });
  });
};

const drawTitle = (canvas: Canvas, { type, title, subject, unit }: GraphPicture): void => {
  const room = canvas.width - 2 * MARGIN_PX;
  const beside = room - textWidthPx(unit) - MARGIN_PX;
  const { hasLegend } = GRAPH_TYPES[type];
  const isBelow = subject !== undefined && !hasLegend;
  const text = subject === undefined || isBelow ? title : `${title} - ${subject}`;
  canvas.text(fitText(text, beside), MARGIN_PX, 3, INK);
  canvas.textUpTo(unit, MARGIN_PX + room, 3, FRAME);
  if (isBelow) canvas.text(fitText(subject, room), MARGIN_PX, 3 + SUBJECT_PX, FRAME);
};

/** The picture of one graph as a PNG, exactly as large as its type says. */
export const drawGraph = (picture: GraphPicture): Uint8Array => {
  const { type, unit, base, lines } = picture;
  const { widthPx, heightPx, hasLegend } = GRAPH_TYPES[type];
  const canvas = new Canvas(widthPx, heightPx, GROUND);
  const layout = layOut(picture);
  const { plot } = layout;
  const least = unit === "%" ? LEAST_PERCENT : Number.NEGATIVE_INFINITY;
  const values = lines.flatMap(({ points }) => [...points]);
  const axis = valueAxis(
    values.map((value) => Math.max(least, value)),
    base,
  );
  canvas.fill(plot, PLOT);
  for (const line of lines) if (line.isFilled) drawLine(canvas, line, axis, plot);
  drawGrid(canvas, picture, axis, plot);
  for (const line of lines.toReversed()) if (!line.isFilled) drawLine(canvas, line, axis, plot);
  drawFrame(canvas, axis, plot, base);
  drawTitle(canvas, picture);
  if (hasLegend) drawLegend(canvas, picture, layout);
  return canvas.png();
};
