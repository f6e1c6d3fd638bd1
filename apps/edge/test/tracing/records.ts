import type { TracedPart, TraceRecord } from "@basalt/telemetry";

export const START = Date.UTC(2026, 0, 2, 3, 4, 5);

export const partWith = (changes: Partial<TracedPart> = {}): TracedPart => ({
  id: "aaaaaaaaaaaaaaaa",
  name: "cache lookup",
  startMs: START + 1,
  endMs: START + 1.5,
  exchange: undefined,
  parts: [],
  ...changes,
});

export const exchangePart = (changes: Partial<NonNullable<TracedPart["exchange"]>> = {}): TracedPart =>
  partWith({
    id: "bbbbbbbbbbbbbbbb",
    name: "origin.example.com",
    exchange: {
      method: "GET",
      url: "http://origin.example.com/a",
      serverIp: "10.1.2.3",
      serverPort: 80,
      purpose: "cache",
      status: 200,
      bodyBytes: 100,
      isReused: true,
      failure: undefined,
      ...changes,
    },
    parts: [partWith({ id: "cccccccccccccccc", name: "request" })],
  });

export const recordWith = (changes: Partial<TraceRecord> = {}): TraceRecord => ({
  vhost: "www.example.com",
  traceId: "5759e988bd862e3fe1be46a994272793",
  root: "1-5759e988-bd862e3fe1be46a994272793",
  traceState: "",
  id: "1111111111111111",
  parentId: "2222222222222222",
  startMs: START,
  endMs: START + 50.25,
  method: "GET",
  scheme: "https",
  host: "www.example.com:8443",
  target: "/a?b=1",
  serverPort: 8443,
  peerIp: "61.50.7.9",
  userAgent: "curl/8",
  forwardedFor: undefined,
  status: 200,
  bodyBytesSent: 1000,
  isComplete: true,
  result: "TCP_MISS",
  bypassKind: "none",
  session: "7",
  events: [{ name: "lookup", atMs: START + 1 }],
  parts: [partWith(), exchangePart()],
  lostParts: 0,
  ...changes,
});
