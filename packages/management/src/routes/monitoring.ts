import { fail, PLAIN_TEXT, succeed } from "../answer.ts";
import { renderOpenApi } from "../openApi.ts";
import { splitTarget } from "../query.ts";
import { isOffered, type Route } from "../route.ts";

export const MONITORING_ROUTES: readonly Route[] = [
  {
    path: "/version",
    methods: ["GET", "HEAD"],
    role: "Admin",
    channel: "any",
    doc: "Version of the product.",
    handle: (_, { productVersion }) => succeed("version", productVersion),
  },
  {
    path: "/help",
    methods: ["GET", "HEAD"],
    role: "Admin",
    channel: "any",
    doc: "This list.",
    contentType: PLAIN_TEXT,
    handle: ({ channel }, { routes }) => {
      const offered = routes.filter((route) => isOffered(route, channel));
      const width = Math.max(...offered.map(({ path }) => path.length));
      const lines = offered.map(
        ({ path, methods, role, doc }) =>
          `${path.padEnd(width)}  ${methods.join(",").padEnd(8)}  ${role.padEnd(6)}  ${doc}\n`,
      );
      return { kind: "text", httpStatus: 200, contentType: PLAIN_TEXT, text: lines.join("") };
    },
  },
  {
    path: "/openapi.json",
    methods: ["GET", "HEAD"],
    role: "Admin",
    channel: "any",
    doc: "This API as an OpenAPI document.",
    contentType: "application/json",
    handle: ({ channel }, { routes, productVersion }) => ({
      kind: "text",
      httpStatus: 200,
      contentType: "application/json",
      text: renderOpenApi(
        routes.filter((route) => isOffered(route, channel)),
        productVersion,
      ),
    }),
  },
  {
    path: "/monitoring/vhostslist",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Names of the virtual hosts.",
    handle: (_, { control }) => succeed("vhostslist", control.vhostNames()),
  },
  {
    path: "/monitoring/fileinfo",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "State of a cached object: url={host}/{path}",
    parameters: [{ name: "url", doc: "URL of the object; everything behind it belongs to it.", isRequired: true }],
    answers: { 400: "No URL is named." },
    handle: async ({ query }, { control }) => {
      const { target } = splitTarget(query);
      if (target === undefined || target === "") {
        return fail("fileinfo", 400, "The parameter url is missing or malformed.");
      }
      const entries = await control.fileInfo(target);
      return {
        kind: "envelope",
        httpStatus: 200,
        method: "fileinfo",
        status: entries.length === 0 ? "NOT_CACHED" : "OK",
        result: entries,
      };
    },
  },
  {
    path: "/metrics",
    aliases: ["/monitoring/metrics"],
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "All counters in the text format of Prometheus.",
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    handle: async (_, { control }) => {
      const { contentType, text } = await control.metrics();
      return { kind: "text", httpStatus: 200, contentType, text };
    },
  },
];
