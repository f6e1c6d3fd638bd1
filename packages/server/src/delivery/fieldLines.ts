import type { ConnectionDecision } from "@basalt/policy";

/** Flat fields as the lines of a head. */
export const fieldLines = (fields: readonly string[]): string => {
  let lines = "";
  for (let index = 0; index + 1 < fields.length; index += 2) lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return lines;
};

export const connectionLines = (connection: ConnectionDecision): string => fieldLines(connection.fields);

/** For answers after which the connection ends whatever the rules say. */
export const CLOSING: ConnectionDecision = { keepAlive: false, fields: ["Connection", "close"] };
