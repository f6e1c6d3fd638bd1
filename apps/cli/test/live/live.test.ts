import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COLUMNS, percent, SORT_KEYS, shortBytes, shortCount, shortMs, sortHosts } from "../../src/live/columns.ts";
import { compareSamples, type HostRates, type LiveFigures, slowestOrigins } from "../../src/live/liveFigures.ts";
import { readSample } from "../../src/live/liveSample.ts";
import { MetricTable } from "../../src/live/metricTable.ts";
import { renderTop } from "../../src/live/renderTop.ts";
import { readKeys } from "../../src/live/terminal.ts";

const scrape = (requests: number, cpuSeconds: number): string => `# HELP basalt_client_requests_total Requests.
# TYPE basalt_client_requests_total counter
basalt_client_requests_total{vhost="a.test"} ${requests}
basalt_client_requests_total{vhost="b \\"quoted\\" \\\\ host"} 5
basalt_cache_results_total{vhost="a.test",result="TCP_NONE"} ${requests}
basalt_cache_results_total{vhost="a.test",result="TCP_HIT"} ${requests * 0.75}
basalt_cache_results_total{vhost="a.test",result="TCP_MISS"} ${requests * 0.25}
basalt_client_response_head_bytes_total{vhost="a.test"} ${requests * 100}
basalt_client_response_body_bytes_total{vhost="a.test"} ${requests * 900}
basalt_client_responses_total{vhost="a.test",class="5xx"} ${requests / 10}
basalt_client_responses_total{vhost="a.test",class="2xx"} ${requests}
basalt_client_response_seconds_sum{vhost="a.test"} ${requests * 0.002}
basalt_client_response_seconds_count{vhost="a.test"} ${requests}
basalt_process_resident_memory_bytes{process="worker-0"} 1000
basalt_process_cpu_seconds_total{process="worker-0"} ${cpuSeconds}
basalt_client_connections_open 7
broken line {
basalt_not_a_number NaN
`;

const sampleOf = (requests: number, cpuSeconds: number, atMs: number) =>
  readSample(new MetricTable(scrape(requests, cpuSeconds)), atMs);

const RATES: HostRates = {
  host: "a.test",
  requestsPerSecond: 1234,
  hitRatio: 0.983,
  inBytesPerSecond: 5_000,
  outBytesPerSecond: 125_000_000,
  errorsPerSecond: 0,
  clientErrorsPerSecond: 0,
  notModifiedPerSecond: 3,
  abortedPerSecond: 0.1,
  latencyMs: 0.31,
  originRequestsPerSecond: 20,
  originBytesPerSecond: 2_000_000,
  originFailuresPerSecond: 0,
  originLatencyMs: 38.2,
};

const figuresOf = (hosts: readonly HostRates[]): LiveFigures => ({
  total: { ...RATES, host: "total" },
  hosts,
  processes: [
    { process: "primary", cpu: 0.02, residentBytes: 90_000_000, lagMs: 0.1 },
    { process: "worker-0", cpu: 0.97, residentBytes: 120_000_000, lagMs: 12.5 },
    { process: "worker-1", cpu: 0.95, residentBytes: 120_000_000, lagMs: 0.2 },
  ],
  clientConnections: 512,
  originConnections: 12,
  excludedAddresses: 1,
});

describe("live figures", () => {
  it("are differences of two scrapes by the time between them", () => {
    const figures = compareSamples(sampleOf(1000, 10, 5_000), sampleOf(3000, 11, 7_000));
    expect(figures.hosts.map(({ host }) => host)).toEqual(["a.test", 'b "quoted" \\ host']);
    expect(figures.hosts[0]).toMatchObject({
      requestsPerSecond: 1000,
      hitRatio: 0.75,
      outBytesPerSecond: 1_000_000,
      errorsPerSecond: 100,
      latencyMs: 2,
      originLatencyMs: null,
    });
    expect(figures.hosts[1]).toMatchObject({ requestsPerSecond: 0, hitRatio: null, latencyMs: null });
    expect(figures.total.requestsPerSecond).toBe(1000);
    expect(figures.processes).toEqual([{ process: "worker-0", cpu: 0.5, residentBytes: 1000, lagMs: 0 }]);
    expect(figures.clientConnections).toBe(7);
  });

  it("begin at zero again with an instance that was started anew, and with a host that is new", () => {
    expect(compareSamples(sampleOf(1000, 10, 0), sampleOf(50, 1, 1_000)).total.requestsPerSecond).toBe(55 - 5);
    const empty = readSample(new MetricTable(""), 0);
    expect(compareSamples(empty, sampleOf(40, 1, 1_000)).total.requestsPerSecond).toBe(45);
    expect(compareSamples(empty, empty)).toMatchObject({ hosts: [], total: { hitRatio: null } });
  });

  it("name the slowest origins first", () => {
    const hosts = [1, 30, null, 20].map((ms, index) => ({ ...RATES, host: `h${index}`, originLatencyMs: ms }));
    expect(slowestOrigins(figuresOf(hosts), 2).map(({ host }) => host)).toEqual(["h1", "h3"]);
  });
});

describe("figures of the table", () => {
  it.each([
    [0, "0"],
    [0.14, "0.1"],
    [7, "7"],
    [42.4, "42.4"],
    [999, "999"],
    [999.7, "1.00k"],
    [12_340, "12.3k"],
    [123_400, "123k"],
    [9_999_999, "10.0M"],
    [5.4e15, "5400T"],
  ])("%f requests a second are %s", (value, text) => {
    expect(shortCount(value)).toBe(text);
  });

  it.each([
    [0.314, "0.31"],
    [12.49, "12.5"],
    [340.4, "340"],
    [1234, "1.2s"],
    [61_000, "61s"],
  ])("%f ms are %s", (value, text) => {
    expect(shortMs(value)).toBe(text);
  });

  it("a ratio is 100 only when it is", () => {
    expect([1, 0.9994, 0, 0.5].map(percent)).toEqual(["100", "99.9", "0.0", "50.0"]);
  });

  it("every figure fits its column", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9.9e14, noNaN: true }), (value) => {
        for (const text of [shortCount(value), shortBytes(value)]) expect(text.length).toBeLessThanOrEqual(6);
        expect(shortMs(Math.min(value, 9e6)).length).toBeLessThanOrEqual(6);
      }),
    );
  });
});

describe("sorting", () => {
  const hosts = [
    { ...RATES, host: "b", requestsPerSecond: 5, hitRatio: null },
    { ...RATES, host: "a", requestsPerSecond: 5, hitRatio: 0.9 },
    { ...RATES, host: "c", requestsPerSecond: 9, hitRatio: 0.1 },
  ];

  it.each([
    ["requests", ["c", "a", "b"]],
    ["name", ["a", "b", "c"]],
    ["hits", ["c", "a", "b"]],
  ] as const)("by %s", (by, order) => {
    expect(sortHosts(hosts, by).map(({ host }) => host)).toEqual(order);
  });

  it("every sort has a key of its own, and none is a key that scrolls or quits", () => {
    const sorted = COLUMNS.filter(({ sort }) => sort !== undefined);
    expect(SORT_KEYS.size).toBe(sorted.length + 1);
    expect(SORT_KEYS.has("q")).toBe(false);
  });

  it.each([
    ["r", [{ kind: "sort", by: "requests" }]],
    ["N", [{ kind: "sort", by: "name" }]],
    ["q", [{ kind: "quit" }]],
    ["\u0003", [{ kind: "quit" }]],
    [
      "\u001b[A\u001b[B",
      [
        { kind: "scroll", lines: -1 },
        { kind: "scroll", lines: 1 },
      ],
    ],
    [
      "\u001b[6~\u001b[5~",
      [
        { kind: "scroll", lines: "page" },
        { kind: "scroll", lines: "pageBack" },
      ],
    ],
    ["x\u001b[1;5C\u001b?", []],
    ["", []],
  ])("keys %j", (input, actions) => {
    expect(readKeys(input)).toEqual(actions);
  });
});

describe("the view of top", () => {
  const hosts = Array.from({ length: 50 }, (_, index) => ({
    ...RATES,
    host: `${"long-".repeat(index % 14)}host-${index}.example.com`,
    requestsPerSecond: 1000 - index,
  }));
  const view = { columns: 80, rows: 24, sort: "requests", skip: 0, hasColour: false } as const;

  it.each([40, 72, 80, 120, 200])("fits %i columns and the lines that there are", (columns) => {
    const lines = renderTop(undefined, figuresOf(hosts), { ...view, columns });
    expect(lines).toHaveLength(24);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(40, columns));
  });

  it("at 80 columns shows what matters, at 200 everything", () => {
    const titleOf = (columns: number): string =>
      renderTop(undefined, figuresOf(hosts), { ...view, columns }).find((line) => line.startsWith("HOST")) ?? "";
    expect(
      titleOf(80)
        .trim()
        .split(/ {1,}(?=[A-Z*0-9])/),
    ).toContain("*REQ/s");
    for (const title of ["HIT%", "OUT/s", "5xx/s", "LAT ms", "ORIG/s"]) expect(titleOf(80)).toContain(title);
    for (const { title } of COLUMNS) expect(titleOf(200)).toContain(title);
  });

  it.each([...SORT_KEYS.values()])("by %s figures stand below their titles", (sort) => {
    const lines = renderTop(undefined, figuresOf(hosts), { ...view, sort });
    const title = lines.findIndex((line) => /^\*?HOST/.test(line));
    expect(lines[title]?.trimEnd().length).toBe(lines[title + 1]?.length);
  });

  it("scrolls to the end and not beyond", () => {
    const last = renderTop(undefined, figuresOf(hosts), { ...view, columns: 200, skip: 1000 });
    expect(last.at(-2)).toContain("host-49.example.com");
  });

  it("outside a terminal all hosts are there, without a line of keys", () => {
    const text = renderTop(undefined, figuresOf(hosts), { ...view, columns: 120, rows: undefined }).join("\n");
    expect(text.match(/host-\d+/g)?.length).toBeGreaterThanOrEqual(50);
    expect(text).not.toContain("quit");
    expect(text).not.toContain("\u001b");
    expect(text).toContain("worker-0 97%");
    expect(text).toContain("1 origin addresses excluded");
  });

  it("marks hosts with errors, when there is colour", () => {
    const failing = [{ ...RATES, errorsPerSecond: 2 }];
    const lines = renderTop(undefined, figuresOf(failing), { ...view, hasColour: true });
    expect(lines.at(-2)).toContain("\u001b[31ma.test");
  });
});
