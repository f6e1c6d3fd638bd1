import { Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContinueFilter } from "../src/continueFilter.ts";

const FINAL = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HINT = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What comes through of pieces that the connection reads one after the other. */
const filtered = (pieces: readonly string[]): { readonly text: string; readonly continues: number } => {
  const unread = pieces.map((piece) => Buffer.from(piece, "latin1"));
  const socket = new Socket();
  socket.read = () => unread.shift() ?? null;
  let continues = 0;
  const filter = new ContinueFilter(() => {
    continues += 1;
  });
  filter.attach(socket);
  filter.expectResponse();
  let text = "";
  for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read()) text += String(chunk);
  return { text, continues };
};

describe("100 Continue that nobody asked for", () => {
  it.each([
    ["alone in front of a response", CONTINUE + FINAL, FINAL, 1],
    ["with fields", `HTTP/1.0 100\r\nA: b\r\n\r\n${FINAL}`, FINAL, 1],
    ["between others", CONTINUE + HINT + CONTINUE + FINAL, HINT + FINAL, 2],
    ["within a body", FINAL + CONTINUE, FINAL + CONTINUE, 0],
    ["behind a 101", `HTTP/1.1 101 Go\r\n\r\n${CONTINUE}`, `HTTP/1.1 101 Go\r\n\r\n${CONTINUE}`, 0],
    ["with a bare LF", `HTTP/1.1 100 Continue\n\n${FINAL}`, `HTTP/1.1 100 Continue\n\n${FINAL}`, 0],
    ["that is 1000", "HTTP/1.1 1000 X\r\n\r\n", "HTTP/1.1 1000 X\r\n\r\n", 0],
    ["of another version", "HTTP/2.0 100 X\r\n\r\n", "HTTP/2.0 100 X\r\n\r\n", 0],
    ["of another protocol", "SSH-2.0\r\n", "SSH-2.0\r\n", 0],
  ])("%s", (_, sent, text, continues) => {
    expect(filtered([sent])).toEqual({ text, continues });
  });

  it("is found however the bytes were cut", () => {
    const sent = CONTINUE + HINT + CONTINUE + FINAL + CONTINUE;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (lengths) => {
        const pieces: string[] = [];
        for (let at = 0, turn = 0; at < sent.length; turn++) {
          const length = lengths[turn % lengths.length] ?? 1;
          pieces.push(sent.slice(at, at + length));
          at += length;
        }
        expect(filtered(pieces)).toEqual({ text: HINT + FINAL + CONTINUE, continues: 2 });
      }),
    );
  });

  it("gives a head without an end back when it is longer than any head", () => {
    const endless = `HTTP/1.1 100 Continue\r\n${"A: b\r\n".repeat(20_000)}`;
    expect(filtered([endless])).toEqual({ text: endless, continues: 0 });
  });
});
