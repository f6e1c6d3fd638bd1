import { formatTable, print } from "../../infra/lib/print.ts";
import {
  type CorpusName,
  FileBody,
  type ProbedPacket,
  probeFile,
  probePackets,
} from "../../packages/testkit/src/media/index.ts";
import type { Findings } from "./findings.ts";
import { type MediaScene, playMediaScene } from "./mediaScene.ts";

const GOAL = 1.1;

/** Bytes of the boxes of a file without its media data. */
const headerBytesOf = (path: string): number => {
  const file = new FileBody(path);
  let bytes = 0;
  try {
    for (let at = 0; at + 16 <= file.size; ) {
      const head = file.slice(at, at + 16);
      const size = head.readUInt32BE(0) === 1 ? Number(head.readBigUInt64BE(8)) : head.readUInt32BE(0);
      if (head.toString("latin1", 4, 8) !== "mdat") bytes += size;
      if (size < 8) break;
      at += size;
    }
  } finally {
    file.close();
  }
  return bytes;
};

interface Asked {
  readonly bytes: number;
  readonly requests: number;
  readonly ranged: number;
}

const askedFor = (scene: MediaScene, path: string): Asked => {
  const seen = scene.origin.seen(path);
  return {
    bytes: seen.reduce((sum, request) => sum + request.sentBytes, 0),
    requests: seen.length,
    ranged: seen.filter((request) => request.field("range") !== undefined).length,
  };
};

/** Of both streams within a part of the playing time, from key frame to key frame. */
const bytesWithin = (packets: readonly ProbedPacket[], fromSeconds: number, toSeconds: number): number =>
  packets
    .filter(({ ptsSeconds }) => ptsSeconds >= fromSeconds && ptsSeconds < toSeconds)
    .reduce((sum, { bytes }) => sum + bytes, 0);

interface Row {
  readonly what: string;
  /** Under a path that nobody has asked for yet. */
  readonly run: (
    scene: MediaScene,
    path: string,
  ) => Promise<{ readonly fromSeconds: number; readonly toSeconds: number }>;
}

const playSegments = async (
  scene: MediaScene,
  path: string,
  from: number,
  to: number,
): Promise<readonly [number, number]> => {
  const { segments } = await scene.playlist("ts", `${path}/mp4hls/index.m3u8`);
  let at = 0;
  let [first, last] = [Number.NaN, Number.NaN];
  for (const { seconds, uri } of segments) {
    if (at + seconds > from && at < to) {
      if (Number.isNaN(first)) first = at;
      await scene.fetch("ts", uri);
      last = at + seconds;
    }
    at += seconds;
  }
  return [first, last];
};

const rowsFor = (durationSeconds: number): readonly Row[] => {
  const middle = Math.floor(durationSeconds / 2);
  return [
    {
      what: "the first 30 s by HLS",
      run: async (scene, path) => {
        const [fromSeconds, toSeconds] = await playSegments(scene, path, 0, 30);
        return { fromSeconds, toSeconds };
      },
    },
    {
      what: "one segment from the middle",
      run: async (scene, path) => {
        const [fromSeconds, toSeconds] = await playSegments(scene, path, middle, middle + 0.1);
        return { fromSeconds, toSeconds };
      },
    },
    {
      what: "10 s trimmed from the middle",
      run: async (scene, path) => {
        const { body } = await scene.fetch("ts", `${path}?start=${middle}&end=${middle + 10}`);
        const { durationSeconds: length } = await probeFile(await scene.save("trimmed.mp4", body));
        return { fromSeconds: middle, toSeconds: middle + length };
      },
    },
  ];
};

/** What the origin has to send of a long film, beside what its samples and its header have. */
export const checkBytes = async (findings: Findings, name: CorpusName = "feature.mp4"): Promise<void> => {
  await playMediaScene({}, async (scene) => {
    const source = await scene.serve(name);
    const { durationSeconds } = await probeFile(source);
    const packets = [...(await probePackets(source, "v:0")), ...(await probePackets(source, "a:0"))];
    const headerBytes = headerBytesOf(source);
    const table = [["", "origin bytes", "samples", "header", "ratio", "requests", "by range"]];
    for (const [index, { what, run }] of rowsFor(durationSeconds).entries()) {
      const path = `/cold${index}/${name}`;
      const { fromSeconds, toSeconds } = await run(scene, path);
      const samples = bytesWithin(packets, fromSeconds, toSeconds);
      const asked = askedFor(scene, path);
      const ratio = asked.bytes / (samples + headerBytes);
      table.push([
        what,
        String(asked.bytes),
        String(samples),
        String(headerBytes),
        ratio.toFixed(3),
        String(asked.requests),
        String(asked.ranged),
      ]);
      findings.expect(ratio <= GOAL, `${what}: ${ratio.toFixed(3)} times samples and header (goal ${GOAL})`);
      findings.expect(asked.requests - asked.ranged <= 1, `${what}: ${asked.requests - asked.ranged} without a range`);
    }
    print(`${name}: ${(new FileBody(source).size / 1e6).toFixed(0)} MB, ${durationSeconds.toFixed(0)} s`);
    print(formatTable(table));
  });
};
