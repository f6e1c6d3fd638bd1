import { customPieces } from "../customTokens.ts";
import { fieldsByPosition, type LineForm, positionsOf } from "./lineForm.ts";
import { parseApacheMoment, parseWrittenMoment } from "./lineMoment.ts";

/** Names of the tokens of `<AccessFormat>` (LOG-83 to LOG-110): those of the form `json` where it has the same. */
const TOKEN_NAMES: Readonly<Record<string, string>> = {
  ...{ a: "client", A: "server_ip", b: "body_bytes_sent", D: "time_taken_ms", f: "file", h: "host", H: "scheme" },
  ...{ m: "method", P: "server_port", q: "query", r: "request", s: "status", t: "time", T: "time_taken_s", U: "path" },
  ...{ u: "target", X: "is_complete", I: "bytes_received", O: "bytes_sent", R: "first_byte_ms", e: "session_id" },
  ...{ S: "cache_result", K: "protocol", y: "request_head_bytes", z: "response_head_bytes" },
};

const nameOf = (letter: string, argument: string | undefined): string | undefined => {
  if (argument === undefined) return TOKEN_NAMES[letter];
  switch (letter) {
    case "i":
      return argument.toLowerCase().replaceAll("-", "_");
    case "C":
    case "c":
      return `cookie.${argument.replace(/=$/, "")}`;
    case "t":
    case "T":
      return "time";
    default:
      return undefined;
  }
};

/** `2014-07-15 10:00:00`, as `%t` writes it. */
const PLAIN_MOMENT_CHARACTERS = 19;

interface Token {
  readonly kind: "token";
  readonly name: string;
  /** So much of the value is taken before its end is looked for. */
  readonly minimum: number;
  readonly isQuoted: boolean;
}

type Piece = Token | { readonly kind: "literal"; readonly text: string };

const piecesOf = (format: string): readonly Piece[] | undefined => {
  const written = customPieces(format);
  if (written === undefined) return undefined;
  const pieces: Piece[] = [];
  for (const piece of written) {
    if (piece.kind === "literal") {
      pieces.push(piece);
      continue;
    }
    const { letter, argument, isQuoted } = piece;
    const name = nameOf(letter, argument);
    if (name === undefined) return undefined;
    const minimum = letter === "t" && argument === undefined ? PLAIN_MOMENT_CHARACTERS : 0;
    pieces.push({ kind: "token", name, minimum, isQuoted });
  }
  return pieces;
};

const endOf = (line: string, from: number, next: string, isQuoted: boolean): number => {
  let end = line.indexOf(next, from);
  while (isQuoted && end > 0 && line.charAt(end - 1) === "\\" && next.startsWith('"'))
    end = line.indexOf(next, end + 1);
  return end;
};

/** Reads what `<AccessFormat>` writes: each value ends where the text behind its token begins. Undefined: it is invalid. */
export const customForm = (format: string): LineForm | undefined => {
  const pieces = piecesOf(format);
  if (pieces === undefined) return undefined;
  const names = pieces.flatMap((piece) => (piece.kind === "token" ? [piece.name] : []));
  const positions = positionsOf(names);
  const timeAt = names.indexOf("time");
  return {
    read: (line) => {
      const values: string[] = [];
      let at = 0;
      for (const [index, piece] of pieces.entries()) {
        if (piece.kind === "literal") {
          if (!line.startsWith(piece.text, at)) return undefined;
          at += piece.text.length;
          continue;
        }
        const next = pieces[index + 1];
        const isShort = line.charAt(at) === "-" || line.length < at + piece.minimum;
        const from = at + (isShort ? 0 : piece.minimum);
        const end = next?.kind === "literal" ? endOf(line, from, next.text, piece.isQuoted) : line.length;
        if (end < 0) return undefined;
        values.push(line.slice(at, end));
        at = end;
      }
      const time = timeAt < 0 ? "" : (values[timeAt] ?? "");
      const text = time.startsWith("[") ? time.slice(1) : time;
      return fieldsByPosition(positions, values, parseWrittenMoment(text) ?? parseApacheMoment(text));
    },
  };
};
