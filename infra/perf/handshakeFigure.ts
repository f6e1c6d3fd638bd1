import { runToEnd } from "../lib/processes.ts";
import { readCpuSeconds } from "../lib/procfs.ts";
import { TLS_SUITE } from "./certificate.ts";
import type { Figure } from "./figures.ts";
import { describeSubject, fetchHead, type Subject } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

const PATH = "/bytes/1024/a";
/** Each has one connection at a time. */
const CLIENTS = 8;

const KINDS = {
  ec: { id: "tls-handshakes-ecdsa", title: "full TLS 1.3 handshakes, ECDSA P-256", budget: 0.5, stretch: 0.6 },
  rsa: { id: "tls-handshakes-rsa", title: "full TLS 1.3 handshakes, RSA 2048", budget: 0.85, stretch: 0.95 },
} as const;

interface Sample {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly perWorkerCpuSecond: number;
}

/** New connections without resumption, each with one request for a cached object of 1 KB, which both servers close. */
export async function measureHandshakes(rig: Rig, keyType: keyof typeof KINDS): Promise<Figure[]> {
  const basalt = await rig.startBasalt({ certificate: keyType });
  const nginx = await rig.startNginx({ certificate: keyType });
  const subjects = [await describeSubject(basalt), await describeSubject(nginx)] as const;
  const samples: Record<"basalt" | "nginx", Sample[]> = { basalt: [], nginx: [] };
  for (const subject of subjects) {
    for (let repeat = 0; repeat < 3; repeat++) await fetchHead(`http://127.0.0.1:${subject.contender.port}${PATH}`, []);
    await measure(subject, 1, rig.loadCores);
  }
  for (let round = 0; round < rig.rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse()) {
      samples[subject.contender.name].push(await measure(subject, rig.seconds, rig.loadCores));
    }
  }
  await rig.stop(basalt);
  await rig.stop(nginx);
  const middle = (name: keyof typeof samples, what: keyof Sample) => median(samples[name].map((each) => each[what]));
  const ratiosOf = (what: keyof Sample) =>
    samples.basalt.map((sample, round) => sample[what] / (samples.nginx[round]?.[what] ?? Number.NaN));
  const ratios = ratiosOf("perCpuSecond");
  return [
    {
      ...KINDS[keyType],
      unit: "handshakes per server CPU second",
      basalt: middle("basalt", "perCpuSecond"),
      nginx: middle("nginx", "perCpuSecond"),
      value: median(ratios),
      valueUnit: "×",
      spread: [Math.min(...ratios), Math.max(...ratios)],
      better: "higher",
      remark:
        `a request on each connection; worker's CPU alone ${median(ratiosOf("perWorkerCpuSecond")).toFixed(2)}; wall clock ${Math.round(middle("basalt", "perSecond"))}/s against ` +
        `${Math.round(middle("nginx", "perSecond"))}/s`,
    },
  ];
}

async function measure(subject: Subject, seconds: number, cores: readonly number[]): Promise<Sample> {
  const { contender, allPids, workerPids } = subject;
  const words = ["s_time", "-connect", `127.0.0.1:${contender.tlsPort}`, "-new", "-www", PATH, "-tls1_3"];
  const options = [...words, "-ciphersuites", TLS_SUITE, "-time", String(seconds)];
  const before = readCpuSeconds(allPids);
  const workersBefore = readCpuSeconds(workerPids);
  const outputs = await Promise.all(Array.from({ length: CLIENTS }, () => runToEnd("openssl", options, { cores })));
  const cpuSeconds = readCpuSeconds(allPids) - before;
  const workerCpuSeconds = readCpuSeconds(workerPids) - workersBefore;
  let handshakes = 0;
  for (const output of outputs) handshakes += countConnections(output);
  return {
    perSecond: handshakes / seconds,
    perCpuSecond: handshakes / cpuSeconds,
    perWorkerCpuSecond: handshakes / workerCpuSeconds,
  };
}

/** What `openssl s_time` has counted. Throws where that, or what came over a connection, is nothing. */
export function countConnections(output: string): number {
  const [, count, , bytes] =
    /^(\d+) connections in (\d+) real seconds, (\d+) bytes read per connection/m.exec(output) ?? [];
  if (count === undefined || Number(count) === 0 || Number(bytes) < 1024) {
    throw new Error(`openssl s_time: ${output.trim().slice(-1000)}`);
  }
  return Number(count);
}
