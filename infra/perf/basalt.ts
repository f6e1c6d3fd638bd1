import { mkdir } from "node:fs/promises";
import { type Edge, launchEdge, waitUntilServing, writeRigHome } from "../lib/edge.ts";
import { findFreePort } from "../lib/ports.ts";
import { listProcessTree } from "../lib/procfs.ts";
import { writeCertificate } from "./certificate.ts";
import type { Contender, ContenderSettings } from "./contender.ts";

const SMALLEST_TIER_XML = "<SystemMemoryRatio>1</SystemMemoryRatio><ContentMemoryRatio>1</ContentMemoryRatio>";

/** Longer than any row holds an idle connection. */
const IDLE_SECONDS = 300;

export interface BasaltContender extends Contender {
  readonly edge: Edge;
  readonly managerPort: number;
}

export async function startBasalt(settings: ContenderSettings): Promise<BasaltContender> {
  const contender = await launchBasalt(settings);
  await waitUntilServing(contender.edge, 30_000);
  return contender;
}

/** Production settings but for the loopback address and the idle time; starts without waiting. */
export async function launchBasalt(settings: ContenderSettings): Promise<BasaltContender> {
  const port = await findFreePort();
  const managerPort = await findFreePort();
  const { folder, certificate } = settings;
  const tlsPort = certificate === undefined ? undefined : await findFreePort();
  await mkdir(folder, { recursive: true });
  const files = certificate === undefined ? undefined : await writeCertificate(folder, certificate);
  await writeRigHome(folder, {
    port,
    managerPort,
    originPort: settings.originPort,
    workers: settings.workers,
    serverXml:
      files === undefined
        ? ""
        : `<Https Listen="127.0.0.1:${tlsPort}"><Cert>${files.certificate}</Cert><Key>${files.key}</Key></Https>`,
    cacheXml: settings.smallMemoryTier === true ? SMALLEST_TIER_XML : "",
    optionsXml: `<ClientKeepAliveSec>${IDLE_SECONDS}</ClientKeepAliveSec>`,
    vhostXml: `<Log><Access Local="ON">${settings.hasAccessLog === true ? "ON" : "OFF"}</Access></Log>`,
  });
  const edge = launchEdge(folder, {
    cores: settings.cores,
    environment: settings.environment ?? {},
    program: settings.program,
  });
  return {
    name: "basalt",
    port,
    tlsPort,
    managerPort,
    edge,
    workerPids: async () => (await edge.status()).workers.map((worker) => worker.pid),
    allPids: () => listProcessTree(edge.process.pid),
    lastWords: async () => edge.process.output().slice(-1000),
    stop: () => edge.stop(),
  };
}
