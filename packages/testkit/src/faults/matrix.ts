import { startDns } from "../dns/dnsServer.ts";
import { startEdge } from "../edge/edge.ts";
import { type OriginFault, REQUEST_KINDS, statesOf } from "./catalogue.ts";
import { type CellReport, FaultCell } from "./cell.ts";
import { LIMITS } from "./expectation.ts";

export interface MatrixOptions {
  readonly faults: readonly OriginFault[];
  /** How long each cell asks while its fault lasts. */
  readonly askForMs: number;
  /** Faults that are played at the same time, each with all of its cells. */
  readonly atOnce: number;
  readonly workers?: number;
  readonly onReport?: (report: CellReport) => void;
}

const VHOST_DEFAULTS = `<Options>
  <TTL><Res5xx>1</Res5xx><ConnectTimeout>1</ConnectTimeout><ReceiveTimeout>1</ReceiveTimeout></TTL>
</Options>
<OriginOptions>
  <ConnectTimeout>${LIMITS.connectMs / 1000}</ConnectTimeout>
  <ReceiveTimeout>${LIMITS.receiveMs / 1000}</ReceiveTimeout>
  <BypassConnectTimeout>${LIMITS.bypassConnectMs / 1000}</BypassConnectTimeout>
  <BypassReceiveTimeout>${LIMITS.bypassReceiveMs / 1000}</BypassReceiveTimeout>
  <Exclusion>3</Exclusion>
  <Recovery Cycle="1">2</Recovery>
</OriginOptions>`;

/** Every fault with every state of the object and every kind of request, each with a virtual host of its own on one edge. */
export const runFaultMatrix = async (options: MatrixOptions): Promise<readonly CellReport[]> => {
  const { faults, askForMs, atOnce, workers = 2, onReport } = options;
  const dns = await startDns();
  const groups: FaultCell[][] = [];
  try {
    for (const [index, fault] of faults.entries()) {
      const cells: FaultCell[] = [];
      groups.push(cells);
      for (const state of statesOf(fault)) {
        for (const [place, kind] of REQUEST_KINDS.entries()) {
          cells.push(await FaultCell.open({ fault, state, kind, host: `f${index}-${state}-${place}.test`, dns }));
        }
      }
    }
    const edge = await startEdge({
      vhosts: groups.flat().map((cell) => cell.vhost),
      vhostDefaultXml: VHOST_DEFAULTS,
      serverXml: `<DnsServer>${dns.address}</DnsServer>`,
      workers,
      readyLimitMs: 60_000,
    });
    try {
      const reports: CellReport[] = [];
      for (let first = 0; first < groups.length; first += atOnce) {
        const playing = groups.slice(first, first + atOnce).flat();
        const played = await Promise.all(playing.map((cell) => cell.play(edge, askForMs)));
        for (const report of played) onReport?.(report);
        reports.push(...played);
      }
      return reports;
    } finally {
      await edge.close();
    }
  } finally {
    for (const cell of groups.flat()) await cell.close();
    await dns.close();
  }
};
