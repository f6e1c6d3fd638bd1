import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnswerHead, AnswerHeads, translateAnswerHead } from "../../src/http2/answerHead.ts";
import { AnswerReader } from "../../src/http2/answerReader.ts";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";

const head = (lines: readonly string[], status = "200 OK"): string =>
  `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

const readAll = (pieces: readonly Buffer[], isHead = false) => {
  const seen: string[] = [];
  const body: Buffer[] = [];
  const reader = new AnswerReader<AnswerHead>(
    {
      interim: ({ status }) => seen.push(`interim ${status}`),
      head: ({ status }, isWhole) => seen.push(`head ${status}${isWhole ? " whole" : ""}`),
      body: (data) => body.push(Buffer.from(data)),
      ended: () => seen.push("ended"),
    },
    new AnswerHeads(),
  );
  reader.begin(isHead);
  for (const piece of pieces) reader.accept(piece);
  return { seen, body: Buffer.concat(body).toString("latin1"), reader };
};

describe("an answer of the engine", () => {
  it("leaves out what speaks of a connection, and keeps all else in its order", () => {
    const { status, fields, framing } = translateAnswerHead(
      head([
        "Set-Cookie: a=1",
        "Connection: keep-alive",
        "Keep-Alive: timeout=5",
        "Set-Cookie: b=2",
        "Content-Length: 5",
      ]),
    );
    expect(status).toBe(200);
    expect(fields).toEqual([":status", "200", "set-cookie", "a=1", "set-cookie", "b=2", "content-length", "5"]);
    expect(framing).toEqual({ kind: "length", bytes: 5 });
  });

  it("of a known buffer is not read again, unless the bytes of its head have changed", () => {
    const heads = new AnswerHeads();
    const prepared = Buffer.from(`${head(["Date: 1", "Content-Length: 2"])}ok`);
    const first = heads.of(prepared);
    expect(heads.of(prepared)?.head).toBe(first?.head);
    prepared.write("2", prepared.indexOf("Date: ") + 6);
    const block = heads.of(prepared)?.head.block ?? Buffer.alloc(0);
    expect(new HpackDecoder({ bytes: 1_000, count: 10 }).decode(block, 0, block.length).fields).toContain("2");
  });

  const framed = fc.constantFrom("length", "chunked", "close");
  it("has the same parts in whatever pieces it is written", () => {
    fc.assert(
      fc.property(
        framed,
        fc.array(fc.string({ unit: fc.constantFrom("a", "\r", "\n", "0"), minLength: 1, maxLength: 30 }), {
          maxLength: 6,
        }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        (framing, chunks, cuts, withInterim) => {
          const content = chunks.join("");
          const lines = {
            length: [`Content-Length: ${content.length}`],
            chunked: ["Transfer-Encoding: chunked"],
            close: ["Connection: close"],
          }[framing];
          const coded =
            framing === "chunked"
              ? `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("")}0\r\n\r\n`
              : content;
          const interim = withInterim ? head(["Link: </a>"], "103 Early Hints") : "";
          const bytes = Buffer.from(`${interim}${head(lines)}${coded}`, "latin1");
          const pieces: Buffer[] = [];
          for (let at = 0, index = 0; at < bytes.length; index++) {
            const cut = cuts[index % cuts.length] ?? 1;
            pieces.push(Buffer.from(bytes.subarray(at, at + cut)));
            at += cut;
          }
          const { seen, body, reader } = readAll(pieces);
          expect(body).toBe(content);
          expect(reader.end()).toBe(true);
          const isWhole = framing === "length" && content === "";
          expect(seen).toEqual([
            ...(withInterim ? ["interim 103"] : []),
            `head 200${isWhole ? " whole" : ""}`,
            "ended",
          ]);
        },
      ),
    );
  });

  it.each([
    ["of a HEAD", head(["Content-Length: 5"]), true],
    ["204", head([], "204 No Content"), false],
    ["304", head(["Content-Length: 5"], "304 Not Modified"), false],
    ["of no bytes", head(["Content-Length: 0"]), false],
  ])("%s has no body", (_, text, isHead) => {
    const { seen, reader } = readAll([Buffer.from(text)], isHead);
    expect(seen.at(-1)).toBe("ended");
    expect(seen[0]).toContain("whole");
    expect(reader.isOver).toBe(true);
  });

  it("that stops in the middle is not whole", () => {
    expect(readAll([Buffer.from(`${head(["Content-Length: 5"])}abc`)]).reader.end()).toBe(false);
    expect(readAll([Buffer.from(`${head(["Transfer-Encoding: chunked"])}3\r\nabc\r\n`)]).reader.end()).toBe(false);
    expect(readAll([Buffer.from("HTTP/1.1 200 OK\r\n")]).reader.end()).toBe(false);
  });
});
