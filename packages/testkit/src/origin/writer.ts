import type { Socket } from "node:net";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import type { BodySource } from "../pattern.ts";
import { type FlatFields, hasField, renderFields, toFlatFields } from "../wire/fields.ts";
import { type ReplyPlan, renderReply } from "./reply.ts";
import type { OriginRequestRecord } from "./request.ts";

/** What becomes of the connection after a reply. */
export type AfterReply = "keep" | "close" | "tunnel";

const PIECE_BYTES = 65_536;
const DRIP_STEP_MS = 20;

/** Pieces of a byte at least, so the slowest drips have the longest pauses. */
const dripStep = (bytesPerSecond: number): { readonly bytes: number; readonly ms: number } => {
  const bytes = Math.max(1, Math.round((bytesPerSecond * DRIP_STEP_MS) / 1000));
  return { bytes, ms: (bytes * 1000) / bytesPerSecond };
};

/** Carries out a plan, faults included. Never throws for a peer that has gone: the rest is simply not sent. */
export const writeReply = async (
  socket: Socket,
  plan: ReplyPlan,
  request: OriginRequestRecord,
  now: Date,
): Promise<AfterReply> => {
  if (plan.delayMs > 0) await pause(plan.delayMs);
  if (plan.gate !== undefined && plan.gate.afterBytes === undefined) await plan.gate.gate.pass();
  if (plan.isSilent) {
    await closed(socket);
    return "close";
  }
  if (plan.garbage !== undefined) {
    for (const piece of plan.garbage()) {
      if (socket.destroyed) break;
      await write(socket, Buffer.from(piece, "latin1"));
      // A write that the system takes at once comes back before anything else has a turn.
      await turn();
    }
    return "close";
  }
  for (const { status, fields } of plan.interim) {
    await write(socket, renderHead(status, toFlatFields(fields)));
  }
  const reply = await renderReply(plan, request);
  const bodyless = request.method === "HEAD" || reply.status < 200 || reply.status === 204 || reply.status === 304;
  const fields = framedFields(plan, reply.status, reply.fields, reply.body.size, bodyless, now);
  let head = renderHead(reply.status, fields);
  if (plan.dripsHead && plan.bytesPerSecond !== undefined) {
    await dripBytes(socket, head.subarray(0, -1), plan.bytesPerSecond);
    head = head.subarray(-1);
  }
  if (bodyless) {
    await write(socket, head);
    return plan.tunnel === undefined ? "keep" : "tunnel";
  }
  return writeBody(socket, plan, head, reply.body, request);
};

const framedFields = (
  plan: ReplyPlan,
  status: number,
  given: FlatFields,
  size: number,
  bodyless: boolean,
  now: Date,
): FlatFields => {
  const fields = [...given];
  if (status >= 200 && !hasField(fields, "date")) fields.push("Date", now.toUTCString());
  const told = hasField(fields, "content-length") || hasField(fields, "transfer-encoding");
  if (told || status < 200 || status === 204 || (status === 304 && bodyless)) return fields;
  if (plan.framing.kind === "length") fields.push("Content-Length", String(size));
  if (plan.framing.kind === "chunked") fields.push("Transfer-Encoding", "chunked");
  if (plan.framing.kind === "close") fields.push("Connection", "close");
  return fields;
};

const REASONS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  304: "Not Modified",
  404: "Not Found",
  416: "Range Not Satisfiable",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

const renderHead = (status: number, fields: FlatFields): Buffer =>
  Buffer.from(`HTTP/1.1 ${status} ${REASONS[status] ?? "Reply"}\r\n${renderFields(fields)}\r\n`, "latin1");

const writeBody = async (
  socket: Socket,
  plan: ReplyPlan,
  head: Buffer,
  body: BodySource,
  request: OriginRequestRecord,
): Promise<AfterReply> => {
  const { framing, fault } = plan;
  const gateAt = plan.gate?.afterBytes;
  let pending = head;
  let chunkNumber = 0;
  for (let sent = 0; ; ) {
    if (gateAt !== undefined && sent === Math.min(gateAt, body.size) && plan.gate !== undefined) {
      await write(socket, pending);
      pending = Buffer.alloc(0);
      await plan.gate.gate.pass();
    }
    if (fault !== undefined && sent >= Math.min(fault.afterBytes, body.size)) {
      await write(socket, pending);
      return actFaulty(socket, fault.kind);
    }
    if (sent >= body.size || socket.destroyed) break;
    let end = Math.min(body.size, sent + PIECE_BYTES);
    if (framing.kind === "chunked")
      end = Math.min(end, sent + (framing.sizes[chunkNumber++ % framing.sizes.length] ?? 1));
    if (plan.bytesPerSecond !== undefined) {
      const step = dripStep(plan.bytesPerSecond);
      end = Math.min(end, sent + step.bytes);
      if (sent > 0) await pause(step.ms);
    }
    for (const stop of [gateAt, fault?.afterBytes]) if (stop !== undefined && stop > sent) end = Math.min(end, stop);
    const piece = body.slice(sent, end);
    const framed =
      framing.kind === "chunked"
        ? [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]
        : [piece];
    await write(socket, Buffer.concat([pending, ...framed]));
    if (!socket.destroyed) request.sentBytes += piece.length;
    pending = Buffer.alloc(0);
    sent = end;
  }
  const tail = framing.kind === "chunked" ? Buffer.from("0\r\n\r\n") : Buffer.alloc(0);
  await write(socket, Buffer.concat([pending, tail]));
  return framing.kind === "close" ? "close" : "keep";
};

const dripBytes = async (socket: Socket, bytes: Buffer, bytesPerSecond: number): Promise<void> => {
  const step = dripStep(bytesPerSecond);
  for (let sent = 0; sent < bytes.length && !socket.destroyed; sent += step.bytes) {
    await write(socket, bytes.subarray(sent, sent + step.bytes));
    await pause(step.ms);
  }
};

const actFaulty = async (socket: Socket, kind: "stall" | "reset" | "close"): Promise<AfterReply> => {
  if (kind === "reset") socket.resetAndDestroy();
  if (kind === "stall") await closed(socket);
  return "close";
};

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed || socket.readableEnded) resolve();
    else for (const event of ["close", "end"]) socket.once(event, () => resolve());
  });

/** Resolves when the system took the bytes, or the connection is gone. */
const write = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    if (bytes.length === 0 || socket.destroyed || !socket.writable) resolve();
    else socket.write(bytes, () => resolve());
  });
