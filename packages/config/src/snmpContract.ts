/** Who may read what: subtrees (`1.3.6.1.4.1`), and ranges of one (`1.3.6.1.4.1-5`) (SNMP-43 to SNMP-45). */
export interface SnmpCommunity {
  readonly name: string;
  /** Allow: only these. Deny: all others. */
  readonly access: "Allow" | "Deny";
  readonly oids: readonly string[];
}

/** SNMP-03 to SNMP-16, SNMP-42, SNMP-43. Minutes: 0 is the last second. */
export interface SnmpSettings {
  readonly status: "Active" | "Inactive";
  /** UDP. */
  readonly port: number;
  /** `*`: all. */
  readonly address: string;
  /** Address expressions; empty: nobody (OPEN SNMP-05). */
  readonly allow: readonly string[];
  /** Rows that there are at least, whether or not a host has their index. */
  readonly vhostCount: number;
  readonly vhostMinutes: number;
  readonly viewCount: number;
  readonly viewMinutes: number;
  readonly globalMinutes: number;
  readonly diskMinutes: number;
  /** Configurations that are listed. */
  readonly configCount: number;
  readonly unregisteredCommunity: "Allow" | "Deny";
  readonly communities: readonly SnmpCommunity[];
  /** OPEN SNMP-41: where the tree begins. */
  readonly root: string;
  readonly manufacture: string;
  readonly software: string;
  /** sysLocation. */
  readonly location: string;
}
