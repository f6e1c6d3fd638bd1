import type { Role, ServerSettings } from "../contract.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { addressExpression, CONNECTION_RATE_OPTIONS, SERVICE_ACCESS_OPTIONS } from "./accessOptions.ts";
import { ALARM_OPTION } from "./alarmOptions.ts";
import { MOUNT_OPTIONS } from "./fileSystemOptions.ts";
import { FTP_OPTION } from "./ftpOptions.ts";
import { HTTP2_OPTIONS } from "./http2Options.ts";
import { HTTPS_OPTION, TLS_OPTIONS } from "./httpsOptions.ts";
import { GLOBAL_LOG_OPTIONS } from "./logOptions.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { SNMP_OPTIONS } from "./snmpOptions.ts";
import { SERVER_SUBSCRIPTIONS } from "./subscriptionOptions.ts";
import { TRANSFORM_LIMIT_OPTIONS } from "./transformOptions.ts";
import {
  duration,
  folderPath,
  gigabytes,
  integer,
  integerCutAt,
  ipAddress,
  nameServer,
  oneOf,
  onOff,
  plainText,
  timeOfDay,
} from "./valueTypes.ts";

const role = oneOf("Admin", "User", "Looker");
const percent = integer({ min: 1, max: 100 }, "%");
const threads = integer({ min: 0, max: 1024 });
const sessions = integerCutAt({ min: 0, max: 100_000 });
const BY_MEMORY = "0: by the memory of the host";
const MEBIBYTE = 1024 ** 2;

/** Longest time-out; beyond 2^31 - 1 ms the timers of the runtime fire at once. */
const TIMEOUT = duration({ min: 1, max: 2_000_000 });

const readRole = (text: string | undefined): Role | undefined => {
  if (text === undefined) return undefined;
  const outcome = role.parse(text);
  return outcome.ok ? outcome.value : undefined;
};

const readAllow = (element: XmlElement, manager: XmlElement | undefined) => ({
  address: element.text,
  role: readRole(element.attributes.get("Role")) ?? readRole(manager?.attributes.get("Role")) ?? "Admin",
});

const readDisk = (element: XmlElement) => {
  const quota = element.attributes.get("Quota");
  const outcome = quota === undefined ? undefined : gigabytes.parse(quota);
  return { path: element.text, quotaBytes: outcome?.ok ? outcome.value : undefined };
};

type Disks = ServerSettings["cache"]["storage"]["disks"];

/** A quota is followed at once; other folders are for the next start. */
const haveSamePaths = (from: Disks, to: Disks): boolean =>
  from.length === to.length && from.every(({ path }, index) => path === to[index]?.path);

const withQuotasOf = (current: Disks, next: Disks): Disks => {
  const quotas = new Map(next.map(({ path, quotaBytes }) => [path, quotaBytes]));
  return current.map(({ path, quotaBytes }) => ({
    path,
    quotaBytes: quotas.has(path) ? quotas.get(path) : quotaBytes,
  }));
};

/** Places are relative to `<Server>`. */
export const SERVER_OPTIONS: OptionTable<ServerSettings> = {
  host: {
    name: option("Host/Name", plainText, "", {
      doc: "Name of this server.",
      defaultNote: "the system's host name",
      spec: "CFG-33",
    }),
    admin: option("Host/Admin", plainText, "", {
      doc: "Administrator's e-mail address or name, for SNMP queries only.",
      spec: "CFG-34",
    }),
    manager: {
      port: option("Host/Manager@Port", integer({ min: 1, max: 65_535 }), 10_040, {
        doc: "Port of the management API.",
        spec: "CFG-35",
      }),
      httpMethod: option("Host/Manager@HttpMethod", onOff, true, {
        doc: "Whether the purge methods of HTTP are checked against `<Allow>`.",
        spec: "CFG-37",
      }),
      role: option("Host/Manager@Role", role, "Admin", {
        doc: "Role of `<Allow>` entries that name none.",
        spec: "CFG-36",
      }),
      uploadMultipartName: option("Host/Manager@UploadMultipartName", plainText, "confile", {
        doc: "Form field that carries the file of a configuration upload.",
        spec: "CFG-38",
      }),
      allow: listOption("Host/Manager/Allow", {
        text: addressExpression,
        attributes: [
          {
            name: "Role",
            type: role,
            defaultNote: "`Role` of `<Manager>`",
            doc: "Role of callers from these addresses.",
          },
        ],
        default: [],
        defaultNote: "loopback only",
        doc: "Addresses that may call the management API; the first match gives the role.",
        spec: "CFG-32",
        read: readAllow,
        format: (item) => `${item.address} (${item.role})`,
      }),
    },
    serviceAccess: SERVICE_ACCESS_OPTIONS,
    connectionRate: CONNECTION_RATE_OPTIONS,
    alarms: ALARM_OPTION,
    snmp: SNMP_OPTIONS,
  },
  cache: {
    storage: {
      disks: listOption("Cache/Storage/Disk", {
        text: folderPath,
        attributes: [
          {
            name: "Quota",
            type: gigabytes,
            defaultNote: "no limit",
            doc: "Most gigabytes that content may take on this disk.",
            reload: "live",
          },
        ],
        default: [],
        defaultNote: "none: content is kept in memory only",
        reload: "restart",
        doc: "Folder on a disk for content; all virtual hosts share all disks.",
        spec: "CFG-39, CFG-40",
        read: readDisk,
        format: (item) => `${item.path} (${gigabytes.format(item.quotaBytes)})`,
        reloadOf: (from, to) => (haveSamePaths(from, to) ? "live" : "restart"),
        keep: withQuotasOf,
      }),
      diskFailSeconds: option("Cache/Storage@DiskFailSec", integer({ min: 1, max: 86_400 }, "seconds"), 60, {
        doc: "Period in which `DiskFailCount` failures exclude a disk.",
        spec: "CFG-41",
      }),
      diskFailCount: option("Cache/Storage@DiskFailCount", integer({ min: 1, max: 1_000_000 }), 10, {
        doc: "Failed operations within `DiskFailSec` that exclude a disk.",
        spec: "CFG-42",
      }),
      onCrash: option("Cache/Storage@OnCrash", oneOf("hang", "bypass", "selfkill"), "hang", {
        doc: "When all disks are excluded: use them all again, bypass every request, or end the server.",
        spec: "CFG-43",
      }),
    },
    cleanup: {
      timeMinutes: option("Cache/Cleanup/Time", timeOfDay, 120, {
        doc: "When the daily cleanup begins; it works gradually.",
        spec: "CFG-47",
      }),
      ageDays: option("Cache/Cleanup/Age", integer({ min: 0, max: 1_000_000 }, "days"), 0, {
        doc: "Cleanup removes content not accessed for this long; 0 removes only where space is judged insufficient.",
        spec: "CFG-48, CFG-52",
      }),
      emptyFolder: option("Cache/Cleanup/EmptyFolder", oneOf("delete", "keep"), "delete", {
        doc: "Whether cleanup removes folders of the cache that hold nothing.",
        spec: "CFG-49",
      }),
    },
    indexing: option("Cache/Indexing", oneOf("Memory", "Disk"), "Memory", {
      doc: "`Memory` bounds the number of objects by the memory of the host, `Disk` does not. Clear the cache after a change.",
      reload: "restart",
      spec: "OPT-10, OPT-13",
    }),
    memoryPath: option("Cache/MemoryPath", folderPath, "", {
      doc: "Folder on a memory file system that holds bodies when no `<Disk>` is configured.",
      defaultNote: "a folder in `/dev/shm` of its own for every home folder",
      reload: "restart",
      spec: "own element, CFG-08",
    }),
    systemMemoryRatio: option("Cache/SystemMemoryRatio", percent, 100, {
      doc: "Share of the physical memory to plan with.",
      reload: "restart",
      spec: "CFG-45, OPT-15",
    }),
    contentMemoryRatio: option("Cache/ContentMemoryRatio", percent, 50, {
      doc: "Share of the server's memory for bodies: more for few large files, less for many small ones.",
      reload: "restart",
      spec: "CFG-46, OPT-16",
    }),
    systemFreeMemoryRatio: option("Cache/SystemFreeMemoryRatio", integerCutAt({ min: 0, max: 40 }, "%"), 40, {
      doc: "Share of the memory left to the operating system.",
      reload: "restart",
      spec: "OPT-17",
    }),
    httpClientSession: {
      init: option("Cache/HttpClientSession/Init", sessions, 0, {
        doc: "Client sessions that the memory plan reckons with. Sessions are made on demand; none is created at start.",
        defaultNote: BY_MEMORY,
        reload: "restart",
        spec: "OPT-20, OPT-03",
      }),
      topUp: option("Cache/HttpClientSession/TopUp", sessions, 0, {
        doc: "Client sessions to add when all are in use. Accepted without effect: sessions are made on demand.",
        defaultNote: BY_MEMORY,
        reload: "restart",
        spec: "OPT-21",
      }),
    },
    emergencyMode: option("Cache/EmergencyMode", onOff, false, {
      doc: "When all content memory is in use: refuse what is not in memory (ON) or take more from the system (OFF).",
      spec: "OPT-61",
    }),
    syncStale: option("Cache/SyncStale", onOff, true, {
      doc: "Whether purge calls are logged in `stale.log` and replayed after a crash.",
      spec: "OPT-80, PRG-29",
    }),
    configHistoryDays: option("Cache/ConfigHistory", integer({ min: 1, max: Number.MAX_SAFE_INTEGER }, "days"), 30, {
      doc: "Backups of the configuration that are older than this are removed at cleanup time.",
      spec: "CFG-51",
    }),
    listen: listOption("Cache/Listen", {
      text: ipAddress,
      attributes: [],
      default: ["0.0.0.0"],
      doc: "Local addresses on which a virtual host's `*` listens.",
      spec: "CFG-50",
      read: (element) => element.text,
      format: (item) => item,
    }),
    dnsServers: listOption("Cache/DnsServer", {
      text: nameServer,
      attributes: [],
      default: [],
      defaultNote: "those of the system",
      doc: "Name server for the domains of origin servers.",
      spec: "own element, ORG-22",
      read: (element) => element.text,
      format: (item) => item,
    }),
    purge: option("Cache/Purge", oneOf("Normal", "Hard"), "Normal", {
      doc: "What the Purge call does: invalidate with restore, or delete for good.",
      spec: "PRG-25",
    }),
    maxSockets: option("Cache/MaxSockets", integerCutAt({ min: 1, max: 100_000 }), 80_000, {
      doc: "Most client connections; beyond it new ones are closed at once.",
      spec: "OPT-24",
    }),
    maxSocketsReopen: option("Cache/MaxSockets@Reopen", percent, 75, {
      doc: "New connections are taken again when their number has fallen to this share of `<MaxSockets>`.",
      spec: "OPT-25",
    }),
    workers: option("Cache/Workers", threads, 0, {
      doc: "Processes that accept connections; 0 means one per core.",
      reload: "restart",
      spec: "own element",
    }),
    transformThreads: option("Cache/TransformThreads", threads, 0, {
      doc: "Threads that compress and convert; 0 means one per core.",
      reload: "restart",
      spec: "own element",
    }),
    transforms: TRANSFORM_LIMIT_OPTIONS,
    ...GLOBAL_LOG_OPTIONS,
    subscriptions: SERVER_SUBSCRIPTIONS,
    drainSeconds: option("Cache/DrainSeconds", duration({ min: 0, max: 86_400 }), 30, {
      doc: "How long a worker that is being replaced may finish its connections.",
      spec: "own element",
    }),
    clientLimits: {
      targetBytes: option("Cache/ClientLimits/TargetBytes", integer({ min: 64, max: MEBIBYTE }, "bytes"), 8_192, {
        doc: "Longest request target; a longer one is answered 414.",
        spec: "own element",
      }),
      headBytes: option("Cache/ClientLimits/HeadBytes", integer({ min: 512, max: 16 * MEBIBYTE }, "bytes"), 32_768, {
        doc: "Largest request head; a larger one is answered 431.",
        spec: "own element",
      }),
      fieldCount: option("Cache/ClientLimits/FieldCount", integer({ min: 1, max: 10_000 }), 128, {
        doc: "Most header fields of a request; more are answered 431.",
        spec: "own element",
      }),
      bodyBytes: option("Cache/ClientLimits/BodyBytes", integer({ min: 0, max: Number.MAX_SAFE_INTEGER }, "bytes"), 0, {
        doc: "Longest request body, 0 without limit; a longer one is answered 413.",
        spec: "own element",
      }),
      headTimeoutSeconds: option("Cache/ClientLimits/HeadTimeout", TIMEOUT, 15, {
        doc: "How long a request head may take from its first byte to its last.",
        spec: "own element",
      }),
      bodyTimeoutSeconds: option("Cache/ClientLimits/BodyTimeout", TIMEOUT, 30, {
        doc: "Longest silence between bytes of a request body.",
        spec: "own element",
      }),
      sendTimeoutSeconds: option("Cache/ClientLimits/SendTimeout", TIMEOUT, 60, {
        doc: "How long a client may accept nothing of its response.",
        spec: "own element",
      }),
      trailerBytes: option("Cache/ClientLimits/TrailerSize", integer({ min: 0, max: MEBIBYTE }, "bytes"), 8_192, {
        doc: "Longest trailer section of a chunked body, of clients and of origins; a longer one ends the message as malformed.",
        spec: "own element",
      }),
      ranges: option("Cache/ClientLimits/MultiRangeCount", integer({ min: 1, max: 1_000 }), 16, {
        doc: "Most ranges of one request; with more, `Range` is ignored.",
        spec: "own element",
      }),
    },
    http2: HTTP2_OPTIONS,
    tls: TLS_OPTIONS,
    httpsSni: option("Cache/HttpsSNI", onOff, true, {
      doc: "Whether `<Https>` entries may share an address, their certificates chosen by the name that a client asks for.",
      reload: "restart",
      spec: "TLS-21",
    }),
    aesNi: option("Cache/AES-NI", onOff, true, {
      doc: "Whether suites with AES, which processors have instructions for, go before others of the same kind.",
      spec: "TLS-12",
    }),
    fileSystem: MOUNT_OPTIONS,
  },
  ftp: FTP_OPTION,
  https: HTTPS_OPTION,
};
