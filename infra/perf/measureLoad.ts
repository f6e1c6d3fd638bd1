import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { readCpuSeconds } from "../lib/procfs.ts";
import type { RigOrigin } from "../lib/rigOrigin.ts";
import { countFailures, runWrk, type WrkOptions } from "../lib/wrk.ts";
import type { Contender } from "./contender.ts";
import { fillObjects } from "./fillObjects.ts";
import type { LoadRow } from "./loadRows.ts";

export interface LoadSample {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** By the CPU time of all processes of the contender. */
  readonly requestsPerCpuSecond: number;
  /** By the CPU time of the processes that serve clients. */
  readonly requestsPerWorkerCpuSecond: number;
  /** Share of its core (or cores) that the contender was busy. */
  readonly busyCores: number;
  readonly p99Us: number;
}

/** A server with all that is asked once per run and not within a measurement. */
export interface Subject {
  readonly contender: Contender;
  readonly workerPids: readonly number[];
  readonly allPids: readonly number[];
}

export async function describeSubject(contender: Contender): Promise<Subject> {
  return { contender, workerPids: await contender.workerPids(), allPids: contender.allPids() };
}

export function urlOf({ name, port, tlsPort }: Contender, { path, isSecure = false }: LoadRow): string {
  if (!isSecure) return `http://127.0.0.1:${port}${path}`;
  if (tlsPort === undefined) throw new Error(`${name} was started without a certificate`);
  return `https://127.0.0.1:${tlsPort}${path}`;
}

function wrkOptions(subject: Subject, row: LoadRow, seconds: number, cores: readonly number[]): WrkOptions {
  return {
    url: urlOf(subject.contender, row),
    connections: row.connections,
    seconds,
    fields: row.fields,
    cores,
    ...(row.objects === undefined ? {} : { rotate: [row.objects] }),
  };
}

export async function measureLoad(
  subject: Subject,
  row: LoadRow,
  seconds: number,
  cores: readonly number[],
): Promise<LoadSample> {
  const allBefore = readCpuSeconds(subject.allPids);
  const workersBefore = readCpuSeconds(subject.workerPids);
  const result = await runWrk(wrkOptions(subject, row, seconds, cores));
  const all = readCpuSeconds(subject.allPids) - allBefore;
  const workers = readCpuSeconds(subject.workerPids) - workersBefore;
  if (countFailures(result) > 0) {
    throw new Error(
      `${row.id} on ${subject.contender.name}: failed requests ${JSON.stringify(result)}\n${await subject.contender.lastWords()}`,
    );
  }
  return {
    requests: result.requests,
    requestsPerSecond: result.requests / result.seconds,
    requestsPerCpuSecond: result.requests / all,
    requestsPerWorkerCpuSecond: result.requests / workers,
    busyCores: all / result.seconds,
    p99Us: result.p99Us,
  };
}

const WARM_SECONDS = 1;

/** Brings a row's objects into the cache, lets hot code and the memory tier settle, and checks the answer. */
export async function warmUp(
  subject: Subject,
  row: LoadRow,
  origin: RigOrigin,
  cores: readonly number[],
): Promise<void> {
  if (row.objects !== undefined) await fillObjects(subject.contender.port, row.objects, origin, cores);
  for (let repeat = 0; repeat < 3; repeat++) await fetchHead(urlOf(subject.contender, row), []);
  const { statusCode: status } = await fetchHead(urlOf(subject.contender, row), row.fields);
  if (status !== row.expectedStatus) {
    throw new Error(
      `${row.id}: ${subject.contender.name} answers ${status} and not ${row.expectedStatus}\n${await subject.contender.lastWords()}`,
    );
  }
  await runWrk(wrkOptions(subject, row, WARM_SECONDS, cores));
}

/** The row with what this server must be sent, asked from it once. */
export async function learnRow(contender: Contender, row: LoadRow): Promise<LoadRow> {
  if (row.isConditional !== true) return row;
  const { headers } = await fetchHead(urlOf(contender, row), row.fields);
  const validators = [
    ...(headers.etag === undefined ? [] : [`If-None-Match: ${headers.etag}`]),
    ...(headers["last-modified"] === undefined ? [] : [`If-Modified-Since: ${headers["last-modified"]}`]),
  ];
  return { ...row, fields: [...row.fields, ...validators] };
}

/** Head of the answer to one request on a connection of its own; the body is read to its end. */
export function fetchHead(url: string, fields: readonly string[]): Promise<IncomingMessage> {
  const headers = Object.fromEntries(
    fields.map((field) => [field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1).trim()]),
  );
  return new Promise((resolve, reject) => {
    const request = url.startsWith("https:") ? requestSecure : requestPlain;
    request(url, { headers, agent: false, rejectUnauthorized: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(response));
      response.once("error", reject);
    })
      .once("error", reject)
      .end();
  });
}
