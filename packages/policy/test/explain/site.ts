import { type EdgeConfig, type Provenance, parseConfig } from "@basalt/config";
import { formatProblem } from "@basalt/types";
import {
  type ExplainQuestion,
  type ExplainState,
  type Explanation,
  explainRequest,
  explainSubjectOf,
  type LookupView,
  type StoredView,
  type Understanding,
  understandRequest,
} from "../../src/index.ts";

/** Sun, 06 Nov 2022 12:00:00 GMT. */
export const NOW = 1_667_736_000_000;

const SERVER_XML = `<Server>
  <Cache>
    <Storage><Disk>/cache1</Disk></Storage>
    <ClientLimits><BodyBytes>1000</BodyBytes></ClientLimits>
  </Cache>
  <VHostDefault>
    <Options>
      <TTL><Res2xx Ratio="50">600</Res2xx></TTL>
      <ServerHeader>OFF</ServerHeader>
    </Options>
    <OriginOptions><UserAgent>edge</UserAgent></OriginOptions>
  </VHostDefault>
</Server>`;

const VHOSTS_XML = `<Vhosts>
  <Vhost Name="www.example.com">
    <Alias>example.com</Alias>
    <Origin><Address>10.0.0.1</Address><Address>origin.example.com:8080/base</Address></Origin>
    <Options>
      <AgeHeader>ON</AgeHeader>
      <BypassNoCacheRequest>ON</BypassNoCacheRequest>
      <ModifyHeader>ON</ModifyHeader>
    </Options>
  </Vhost>
  <Vhost Name="wild.example.com">
    <Alias>*.example.com</Alias>
    <Origin><Address>10.0.0.2</Address></Origin>
    <Options>
      <RefreshExpired>OFF</RefreshExpired>
      <Compression>ON</Compression>
    </Options>
  </Vhost>
  <Vhost Name="shared.test">
    <Listen>*:8080</Listen>
    <Origin><Address>10.0.0.3</Address><Address2>10.0.0.4</Address2></Origin>
    <Options><CachingProfile>rfc9111</CachingProfile></Options>
  </Vhost>
  <Vhost Name="asleep.test" Status="Inactive">
    <Origin><Address>10.0.0.5</Address></Origin>
  </Vhost>
  <Default>wild.example.com</Default>
</Vhosts>`;

const FILES: Readonly<Record<string, string>> = {
  "server.xml": SERVER_XML,
  "vhosts.xml": VHOSTS_XML,
  "svc/www.example.com/ttl.txt": "# lifetimes\n/news/*, 60\n/img/*, 1 day\n",
  "svc/www.example.com/bypass.txt": "/private/*\n",
  "svc/www.example.com/querystring.txt": "/img/*\n",
  "svc/www.example.com/headers.txt":
    "$IP[10.0.0.0/8], $REQ[X-Office: yes], set\n*, $RES[Strict-Transport-Security: max-age=31536000], set\n",
  "svc/wild.example.com/compression.txt": "*.css, gzip, 9\n",
};

export interface Site {
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
}

export const openSite = (files: Readonly<Record<string, string>> = FILES): Site => {
  const outcome = parseConfig(new Map(Object.entries(files)), {
    home: "/opt/edge",
    generation: 7,
    cores: 2,
    hostName: "edge-01",
  });
  if (!outcome.ok) throw new Error(outcome.problems.map(formatProblem).join("\n"));
  const skipped = outcome.warnings.filter(({ file }) => file.endsWith(".txt"));
  if (skipped.length > 0) throw new Error(skipped.map(formatProblem).join("\n"));
  return { config: outcome.config, provenance: outcome.provenance };
};

export type Asked = Partial<Omit<ExplainQuestion, "fields">> & {
  readonly headers?: Readonly<Record<string, string>>;
};

export const understand = (url: string, asked: Asked, { config }: Site): Understanding => {
  const { headers = {}, ...rest } = asked;
  const question = { url, method: "GET", listen: undefined, clientIp: "192.0.2.7", isAbsolute: false, ...rest };
  return understandRequest({ ...question, fields: Object.entries(headers).flat() }, config);
};

export const stored = (changes: Partial<StoredView> = {}): StoredView => ({
  variant: "",
  version: 41,
  status: 200,
  fields: [
    ...["Content-Type", "text/css", "Last-Modified", "Sat, 05 Nov 2022 12:00:00 GMT"],
    ...["Date", "Sun, 06 Nov 2022 11:55:00 GMT", "Server", "origin/1"],
  ],
  bodyBytes: 48_213,
  missingBytes: 0,
  storedAtMs: NOW - 300_000,
  validatedAtMs: NOW - 300_000,
  initialAgeSeconds: 0,
  updatedAtMs: NOW - 300_000,
  lastAccessMs: NOW - 60_000,
  freshUntilMs: NOW + 300_000,
  ttlSeconds: 600,
  isPurged: false,
  isExpiredByForce: false,
  isDerived: false,
  place: "segment 3 at 4096",
  disk: "/cache1",
  ...changes,
});

export const lookupOf = (object: StoredView | undefined, changes: Partial<LookupView> = {}): LookupView => ({
  url: "/",
  keyDigest: "00112233445566778899aabbccddeeff",
  selector: "",
  selectedBy: [],
  object,
  compressed: undefined,
  variants: object === undefined ? [] : [object],
  workers: [
    { slot: 0, memory: object === undefined ? "none" : "body", waitingInvalidations: 0 },
    { slot: 1, memory: "none", waitingInvalidations: 0 },
  ],
  ...changes,
});

/** What explain says where `object` is what would be found. */
export const explain = (
  url: string,
  asked: Asked = {},
  object: StoredView | undefined = undefined,
  more: { readonly lookup?: Partial<LookupView>; readonly state?: Partial<ExplainState>; readonly site?: Site } = {},
): Explanation => {
  const site = more.site ?? openSite();
  const understood = understand(url, asked, site);
  if (understood.kind !== "understood") throw new Error(`not understood: ${JSON.stringify(understood)}`);
  const subject = explainSubjectOf(understood.request, site.config);
  const origin = subject?.vhost.origin;
  const viewsOf = (addresses: readonly { text: string; hostField: string; pathPrefix: string }[], isStandby: boolean) =>
    addresses.map(({ text, hostField, pathPrefix }) => ({
      ...{ text, hostField, pathPrefix, isStandby },
      ...{ excludedBy: [], failures: 0 },
    }));
  const state: ExplainState = {
    nowMs: NOW,
    product: { name: "Basalt", version: "1.0" },
    isBypassing: false,
    isEmergency: false,
    addresses: [...viewsOf(origin?.addresses ?? [], false), ...viewsOf(origin?.standby ?? [], true)],
    derived: [],
    lookup: lookupOf(object, { url: subject?.parts.url ?? "/", ...more.lookup }),
    ...more.state,
  };
  const { method = "GET", listen } = asked;
  return explainRequest(understood.request, { url, method, listen }, understood.steps, { ...site, state });
};
