import type { SnmpSource } from "./contract.ts";
import type { SnmpValue } from "./message.ts";
import type { Oid } from "./oid.ts";

/** An object of the standard system group (RFC 3418): SNMP-40. */
export interface StandardObject {
  readonly oid: Oid;
  readonly name: string;
  read(from: SnmpSource, root: Oid): SnmpValue;
}

const SYSTEM_GROUP: Oid = [1, 3, 6, 1, 2, 1, 1];
const TICK_MS = 10;

const object = (number: number, name: string, read: StandardObject["read"]): StandardObject => ({
  oid: [...SYSTEM_GROUP, number],
  name,
  read,
});

const text = (number: number, name: string, read: (from: SnmpSource) => string): StandardObject =>
  object(number, name, (from) => ({ type: "string", value: read(from) }));

export const STANDARD_OBJECTS: readonly StandardObject[] = [
  text(1, "sysDescr", ({ settings, version }) => `${settings.software} ${version}`.trim()),
  object(2, "sysObjectID", (_, root) => ({ type: "oid", value: root })),
  object(3, "sysUpTime", ({ uptimeMs }) => ({ type: "ticks", value: uptimeMs / TICK_MS })),
  text(4, "sysContact", ({ admin }) => admin),
  text(5, "sysName", ({ hostName }) => hostName),
  text(6, "sysLocation", ({ settings }) => settings.location),
];
