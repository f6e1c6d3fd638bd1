import type { SnmpSettings } from "@basalt/config";
import type { DiskFacts, Figures, HostFacts, StoredFileFacts } from "@basalt/telemetry";
import type { ConfigChangeKind } from "../configuration/contract.ts";
import type { Oid } from "./oid.ts";

/** SNMP-150. */
export type SnmpState = "Healthy" | "Inactive" | "Emergency";

/** Whose figures: of all hosts, of one, or of a view. */
export type SnmpSubject = "host" | "vhost" | "view";

export interface SnmpSubjectFacts {
  readonly name: string;
  readonly state: SnmpState;
  readonly uptimeSeconds: number;
  readonly files: StoredFileFacts;
}

/** A configuration that was in service (SNMP-60 to SNMP-66). */
export interface SnmpConfiguration {
  readonly id: number;
  readonly atSeconds: number;
  readonly kind: ConfigChangeKind;
  readonly sizeBytes: number;
  readonly hash: string;
  readonly path: string;
  readonly productVersion: string;
}

/** A configured disk; sizes are 0 when they cannot be had. */
export interface SnmpDisk {
  readonly path: string;
  readonly state: string;
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
}

/** Numbers of the rows of a table. */
export interface RowNumbers {
  /** Rows that stand for something. */
  readonly count: number;
  /** 0 without any. */
  readonly highest: number;
  has(row: number): boolean;
  /** Undefined: none from there on. */
  firstFrom(row: number): number | undefined;
}

/** What a variable with several rows is about. */
export type RowKind = "configurations" | "disks" | "vhosts" | "views";

/** Whose `…Min` says what a walk shows. */
export type MinuteKind = "system" | "global" | "vhosts" | "views" | "disks";

/** All that the tree is read from, at one moment. Rows and minutes that are asked for exist. */
export interface SnmpSource {
  readonly settings: SnmpSettings;
  readonly version: string;
  readonly hostName: string;
  readonly admin: string;
  readonly uptimeMs: number;
  /** The latest first. */
  readonly configurations: readonly SnmpConfiguration[];
  readonly disks: readonly SnmpDisk[];
  rowsOf(kind: RowKind): RowNumbers;
  /** Somebody wants to know what is stored by size: the count is brought up to date when it is old, for the next time. */
  countSizes(): void;
  /** The server and its machine. */
  host(minutes: number): HostFacts;
  diskActivity(minutes: number): readonly DiskFacts[];
  /** Undefined where no host, or view, has the row. */
  figures(subject: SnmpSubject, row: number, minutes: number): Figures | undefined;
  facts(subject: SnmpSubject, row: number): SnmpSubjectFacts | undefined;
}

/** Which of its variables. */
export interface SnmpPlace {
  readonly minutes: number;
  readonly row: number;
}

/** One object of the tree; a variable for each row and time. */
export interface SnmpObject {
  /** Below the root of the tree. */
  readonly suffix: Oid;
  /** `cache.vhost.traffic.client.http.reqCount`. */
  readonly name: string;
  /** gauge: Gauge32; integer: INTEGER, with a sign (SNMP-36). */
  readonly type: "string" | "gauge" | "integer";
  readonly unit: string;
  readonly doc: string;
  readonly minutes: MinuteKind | undefined;
  /** Undefined: one. */
  readonly rows: RowKind | undefined;
  /** In words of the statistics, for tests and pages. */
  readonly source: string;
  /** Undefined: nobody has the row, which then reads as empty. */
  read(from: SnmpSource, at: SnmpPlace): number | string | undefined;
}

export interface SnmpSubtree {
  readonly suffix: Oid;
  readonly name: string;
  readonly doc: string;
}
