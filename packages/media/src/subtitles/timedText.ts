/** What a sample of a text track shows: WebVTT cue text, empty where nothing is to be seen. */
export interface CueText {
  readonly text: string;
  /** As behind the times of a WebVTT cue; empty mostly. */
  readonly settings: string;
}

const BOLD = 1;
const ITALIC = 2;
const UNDERLINE = 4;

const TAGS = [
  { face: BOLD, tag: "b" },
  { face: ITALIC, tag: "i" },
  { face: UNDERLINE, tag: "u" },
];

const STYLE_RECORD_BYTES = 12;
const MOST_STYLES = 1_000;

interface Style {
  readonly start: number;
  readonly end: number;
  readonly face: number;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? character);

/** Text behind a byte order mark is UTF-16, all other UTF-8 (3GPP TS 26.245, 5.2). */
const decodeText = (bytes: Uint8Array): string => {
  const own = Uint8Array.from(bytes);
  if (own[0] === 0xfe && own[1] === 0xff) {
    const swapped = own.subarray(2).map((_, index, all) => all[index ^ 1] ?? 0);
    return new TextDecoder("utf-16le").decode(swapped.subarray(0, swapped.length & ~1));
  }
  if (own[0] === 0xff && own[1] === 0xfe) {
    return new TextDecoder("utf-16le").decode(own);
  }
  return new TextDecoder().decode(own);
};

/** A line that is empty would end a cue. */
const tidied = (text: string): string =>
  text
    .replaceAll("\0", "")
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .join("\n");

/** Records of `styl` boxes among the modifiers behind the text. */
const stylesIn = (modifiers: Uint8Array): Style[] => {
  const view = new DataView(modifiers.buffer, modifiers.byteOffset, modifiers.byteLength);
  const styles: Style[] = [];
  for (let at = 0; at + 10 <= view.byteLength; ) {
    const sizeBytes = view.getUint32(at);
    if (sizeBytes < 8 || at + sizeBytes > view.byteLength) {
      break;
    }
    if (view.getUint32(at + 4) === 0x7374_796c && sizeBytes >= 10) {
      const count = Math.min(view.getUint16(at + 8), Math.floor((sizeBytes - 10) / STYLE_RECORD_BYTES), MOST_STYLES);
      for (let record = 0; record < count; record += 1) {
        const start = at + 10 + record * STYLE_RECORD_BYTES;
        styles.push({ start: view.getUint16(start), end: view.getUint16(start + 2), face: view.getUint8(start + 6) });
      }
    }
    at += sizeBytes;
  }
  return styles;
};

const withFace = (text: string, face: number): string => {
  const tags = TAGS.filter((one) => (face & one.face) !== 0 && text.trim() !== "");
  const opening = tags.map(({ tag }) => `<${tag}>`).join("");
  const closing = tags
    .map(({ tag }) => `</${tag}>`)
    .reverse()
    .join("");
  return `${opening}${escaped(text)}${closing}`;
};

/** Positions of styles count characters of the text as it is in the sample. */
const styled = (text: string, styles: readonly Style[]): string => {
  const characters = [...text];
  const parts: string[] = [];
  let position = 0;
  const inOrder = styles
    .filter(({ face, start, end }) => face !== 0 && end > start)
    .sort((one, other) => one.start - other.start);
  for (const { start, end, face } of inOrder) {
    if (start < position) {
      continue;
    }
    parts.push(
      escaped(characters.slice(position, start).join("")),
      withFace(characters.slice(start, end).join(""), face),
    );
    position = end;
  }
  parts.push(escaped(characters.slice(position).join("")));
  return parts.join("");
};

/** A sample of a tx3g track (3GPP TS 26.245, 5.17): its text, bold, italic and underlined parts as such. */
export const readTimedText = (sample: Uint8Array): CueText => {
  if (sample.byteLength < 2) {
    return { text: "", settings: "" };
  }
  const textBytes = ((sample[0] ?? 0) << 8) | (sample[1] ?? 0);
  const text = decodeText(sample.subarray(2, 2 + textBytes));
  return { text: tidied(styled(text, stylesIn(sample.subarray(2 + textBytes)))), settings: "" };
};
