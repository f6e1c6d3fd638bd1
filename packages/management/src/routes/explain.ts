import { type Answer, fail, type JsonValue, succeed } from "../answer.ts";
import type { ExplainQuestion, Explanation } from "../explanation.ts";
import { parametersOf } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

/** Longer than any request that could be answered; the parser judges what is below. */
const MAX_URL_LENGTH = 65_536;
const MAX_FIELDS = 1_000;

type Question =
  | { readonly ok: true; readonly question: ExplainQuestion }
  | { readonly ok: false; readonly reason: string };

const refuse = (reason: string): Question => ({ ok: false, reason });

const KNOWN_PARAMETERS: ReadonlySet<string> = new Set(["url", "method", "header", "listen", "client", "absolute"]);

const readQuestion = (parameters: URLSearchParams): Question => {
  for (const name of parameters.keys()) {
    if (!KNOWN_PARAMETERS.has(name)) {
      return refuse(`There is no parameter ${name}. Write & inside the URL as %26, ? as %3F and # as %23.`);
    }
  }
  const url = parameters.get("url") ?? "";
  if (url === "") return refuse("The parameter url is missing: url={host}/{path}.");
  if (url.length > MAX_URL_LENGTH) return refuse(`The URL is longer than ${MAX_URL_LENGTH} characters.`);
  const headers = parameters.getAll("header");
  if (headers.length > MAX_FIELDS) return refuse(`There are more than ${MAX_FIELDS} header parameters.`);
  const fields: string[] = [];
  for (const header of headers) {
    const colon = header.indexOf(":");
    if (colon < 1) return refuse(`The header ${JSON.stringify(header)} is not of the form Name: value.`);
    fields.push(header.slice(0, colon), header.slice(colon + 1).trim());
  }
  const absolute = parameters.get("absolute") ?? "0";
  if (absolute !== "0" && absolute !== "1") return refuse("The parameter absolute must be 0 or 1.");
  const question = {
    url,
    method: parameters.get("method") ?? "GET",
    fields,
    listen: parameters.get("listen") ?? undefined,
    clientIp: parameters.get("client") ?? "127.0.0.1",
    isAbsolute: absolute === "1",
  };
  return { ok: true, question };
};

/** The same data, in the form that the envelope takes. */
const toJson = ({ steps, ...summary }: Explanation): JsonValue => ({
  ...summary,
  steps: steps.map(({ step, verdict, facts }) => ({
    step,
    verdict,
    facts: facts.map((fact) => ({ ...fact })),
  })),
});

const explain = async (call: Call, { control }: RouteContext): Promise<Answer> => {
  const read = readQuestion(parametersOf(call));
  if (!read.ok) return fail("explain", 400, read.reason);
  const outcome = await control.explain(read.question);
  return outcome.kind === "malformed"
    ? fail("explain", 400, outcome.reason)
    : succeed("explain", toJson(outcome.explanation));
};

/** Dry runs: nothing is changed, and no origin is asked. */
export const EXPLAIN_ROUTES: readonly Route[] = [
  {
    path: "/command/explain",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: "Every decision for a request: url={URL}&method={method}&header={Name: value}&listen={IP:port}&client={IP}",
    parameters: [
      { name: "url", doc: "URL of the request, encoded as a parameter.", isRequired: true },
      { name: "method", doc: "Method of the request; GET without it." },
      { name: "header", doc: "A field of the request, `Name: value`; it may stand several times." },
      { name: "listen", doc: "Where the request comes in: IP:port, *:port or a port." },
      { name: "client", doc: "IP of the client; 127.0.0.1 without it." },
      { name: "absolute", doc: "1 when the whole URL is the request target.", kind: "flag" },
    ],
    answers: { 400: "The request that is asked about is malformed." },
    handle: explain,
  },
];
