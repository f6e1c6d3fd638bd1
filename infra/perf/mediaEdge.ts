import { basename, join } from "node:path";
import { startOrigin, type TestOrigin } from "../../packages/testkit/src/index.ts";
import { FileBody } from "../../packages/testkit/src/media/index.ts";
import { type Edge, startEdge, writeRigHome } from "../lib/edge.ts";
import { findFreePort } from "../lib/ports.ts";
import { listProcessTree, readCpuSeconds, readMemory } from "../lib/procfs.ts";

const MEDIA = `<Media>
  <MP4HLS Status="Active"/>
  <MP4Trimming>ON</MP4Trimming>
</Media><Log><Access Local="ON">OFF</Access></Log>`;

/** An edge with HLS and trimming on, and an origin that has one film under `/{anything}/{its name}`. */
export interface MediaEdge {
  readonly port: number;
  readonly edge: Edge;
  readonly origin: TestOrigin;
  readonly filmName: string;
  cpuSeconds(): number;
  anonymousBytes(): number;
  stop(): Promise<void>;
}

export const startMediaEdge = async (
  folder: string,
  film: string,
  workers: number,
  cores: readonly number[] | undefined,
): Promise<MediaEdge> => {
  const [port, managerPort] = [await findFreePort(), await findFreePort()];
  const origin = await startOrigin();
  const body = new FileBody(film);
  const filmName = basename(film);
  origin
    .on((request) => basename(request.path) === filmName)
    .file(body, {
      etag: '"film"',
      lastModified: "Tue, 01 Jan 2019 00:00:00 GMT",
      type: "video/mp4",
      fields: { "Cache-Control": "max-age=86400" },
    });
  const home = join(folder, "edge");
  await writeRigHome(home, { port, managerPort, originPort: origin.port, workers, vhostXml: MEDIA });
  const edge = await startEdge(home, { cores });
  const pids = () => listProcessTree(edge.process.pid);
  return {
    port,
    edge,
    origin,
    filmName,
    cpuSeconds: () => readCpuSeconds(pids()),
    anonymousBytes: () => pids().reduce((sum, pid) => sum + readMemory(pid).anonymousBytes, 0),
    stop: async () => {
      await edge.stop();
      await origin.close();
      body.close();
    },
  };
};
