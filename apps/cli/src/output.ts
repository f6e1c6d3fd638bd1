export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export const printError = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

export const printJson = (value: unknown): void => print(JSON.stringify(value, undefined, 2));

/** An IP address begins like a figure and is none. */
const isFigure = (cell: string): boolean => /^[\d-]/.test(cell) && !/\d\.\d+\.\d|:/.test(cell);

/** Columns as wide as their widest cell; columns of figures to the right. */
export const formatTable = (rows: readonly (readonly string[])[]): string => {
  const columnCount = Math.max(0, ...rows.map((row) => row.length));
  const columns = Array.from({ length: columnCount }, (_, column) => rows.map((row) => row[column] ?? ""));
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  const isFigures = columns.map((cells) => cells.slice(1).every(isFigure));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isFigures[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
};

const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

export const formatBytes = (byteCount: number): string => {
  let value = byteCount;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
};

/** The two largest units: `3d 4h`, `5m 12s`, `8s`. */
export const formatDuration = (durationSeconds: number): string => {
  const total = Math.max(0, Math.floor(durationSeconds));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3600) % 24, "h"],
    [Math.floor(total / 60) % 60, "m"],
    [total % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(" ");
};

export const formatQuantity = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

export const formatCount = (value: number): string => value.toLocaleString("en-US");
