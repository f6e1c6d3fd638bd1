import type { ConnectionDecision } from "@basalt/policy";

/** Flat fields as the lines of a head. */
export const fieldLines = (fields: readonly string[]): string => {
  let lines = "";
  for (let index = 0; index + 1 < fields.length; index += 2) lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return lines;
};

/** The flat fields of lines that were made here. */
export const parseFieldLines = (lines: string): string[] => {
  const fields: string[] = [];
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
};

export const connectionLines = (connection: ConnectionDecision): string => fieldLines(connection.fields);

/** For answers after which the connection ends whatever the rules say. */
export const CLOSING: ConnectionDecision = { keepAlive: false, fields: ["Connection", "close"] };
