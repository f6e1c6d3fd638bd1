import type { JsonValue } from "./answer.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** Characters that XML 1.0 cannot hold, not even escaped. */
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escapeText = (text: string): string =>
  text.replace(FORBIDDEN, "\ufffd").replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);

/** The tag's name and attributes: a key that is no XML name becomes an attribute of `item`. */
const openTag = (key: string): readonly [open: string, close: string] =>
  NAME.test(key) && !/^xml/i.test(key) ? [key, key] : [`item name="${escapeText(key)}"`, "item"];

const writeContent = (value: JsonValue, indent: string, lines: string[], key: string): void => {
  const [open, close] = openTag(key);
  if (value === null || typeof value !== "object") {
    const text = value === null ? "" : escapeText(String(value));
    lines.push(text === "" ? `${indent}<${open}/>` : `${indent}<${open}>${text}</${close}>`);
    return;
  }
  const entries: readonly (readonly [string, JsonValue | undefined])[] = isList(value)
    ? value.map((item) => ["item", item] as const)
    : Object.entries(value);
  if (entries.length === 0) {
    lines.push(`${indent}<${open}/>`);
    return;
  }
  lines.push(`${indent}<${open}>`);
  for (const [name, child] of entries) {
    if (child !== undefined) writeContent(child, `${indent}  `, lines, name);
  }
  lines.push(`${indent}</${close}>`);
};

const isList = (value: object): value is readonly JsonValue[] => Array.isArray(value);

/** JSON as XML where no other XML is specified: objects by their keys, each item of a list as `<item>`. */
export const renderXml = (root: string, value: JsonValue): string => {
  const lines = ['<?xml version="1.0" encoding="utf-8"?>'];
  writeContent(value, "", lines, root);
  return `${lines.join("\n")}\n`;
};
