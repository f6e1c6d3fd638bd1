const MAX_PARTS = 100;
const MAX_PART_HEAD_BYTES = 8 * 1024;
const CRLF = "\r\n";

/** RFC 2046, 5.1.1. */
const BOUNDARY = /^\s*multipart\/[^;]+;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))/i;

const DISPOSITION = /^content-disposition:\s*form-data\s*;(.*)$/im;

const NAME = /(?:^|;)\s*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i;

const nameOf = (head: string): string | undefined => {
  const [, parameters = ""] = DISPOSITION.exec(head) ?? [];
  const [, quoted, token] = NAME.exec(parameters) ?? [];
  return quoted?.replace(/\\(.)/g, "$1") ?? token;
};

interface Delimiter {
  readonly start: number;
  /** Of what stands behind its line. */
  readonly end: number;
  readonly isLast: boolean;
}

/** The next line of a boundary; text that only begins like one is content. */
const findDelimiter = (bytes: Buffer, marker: Buffer, from: number): Delimiter | undefined => {
  for (let start = bytes.indexOf(marker, from); start >= 0; start = bytes.indexOf(marker, start + 1)) {
    const behind = start + marker.length;
    const isLast = bytes[behind] === 0x2d && bytes[behind + 1] === 0x2d;
    let end = isLast ? behind + 2 : behind;
    while (bytes[end] === 0x20 || bytes[end] === 0x09) end += 1;
    const isLine = bytes[end] === 0x0d && bytes[end + 1] === 0x0a;
    if (isLine) return { start, end: end + 2, isLast };
    if (isLast && end === bytes.length) return { start, end, isLast };
  }
  return undefined;
};

/**
 * The content of a field of a form (`multipart/form-data`, RFC 7578), the first of its name. Undefined when there is
 * none, and when the form is malformed or breaks off before its end.
 */
export const readFormField = (body: Buffer, contentType: string, fieldName: string): Buffer | undefined => {
  const [, quoted, token] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined) return undefined;
  const bytes = Buffer.concat([Buffer.from(CRLF), body]);
  const marker = Buffer.from(`${CRLF}--${boundary}`, "latin1");
  let found: Buffer | undefined;
  let delimiter = findDelimiter(bytes, marker, 0);
  for (let parts = 0; delimiter !== undefined && !delimiter.isLast && parts < MAX_PARTS; parts++) {
    // The line feed of a boundary may begin the next one, of a part without head and content.
    const next = findDelimiter(bytes, marker, delimiter.end - CRLF.length);
    if (next === undefined) return undefined;
    const headEnd = bytes.indexOf(CRLF + CRLF, delimiter.end - CRLF.length);
    if (headEnd >= 0 && headEnd < next.start + CRLF.length && headEnd - delimiter.end <= MAX_PART_HEAD_BYTES) {
      const head = bytes.toString("utf8", delimiter.end, headEnd);
      const content = bytes.subarray(Math.min(headEnd + 4, next.start), next.start);
      if (found === undefined && nameOf(head) === fieldName) found = Buffer.from(content);
    }
    delimiter = next;
  }
  return delimiter?.isLast === true ? found : undefined;
};
