import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { fileURLToPath } from "node:url";

const readMap = (script: string): SourceMap | undefined => {
  try {
    const path = script.startsWith("file:") ? fileURLToPath(script) : script;
    const payload: SourceMapPayload = JSON.parse(readFileSync(`${path}.map`, "utf8"));
    return new SourceMap(payload);
  } catch {
    return undefined;
  }
};

const PLACE = /((?:file:\/\/)?\/[^\s()]+\.js):(\d+):(\d+)/g;

/**
 * The stack of an error with the files and lines of the sources, where the maps of the bundle lie beside it. Made here and
 * not by the runtime, which would read the maps at every start.
 */
export const readableStack = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const maps = new Map<string, SourceMap | undefined>();
  return (error.stack ?? error.message).replace(PLACE, (place, script: string, line: string, column: string) => {
    if (!maps.has(script)) maps.set(script, readMap(script));
    const origin = maps.get(script)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !("fileName" in origin) || origin.fileName === undefined) return place;
    return `${origin.fileName.replace(/^(\.\.\/)+/, "")}:${origin.lineNumber}:${origin.columnNumber}`;
  });
};
