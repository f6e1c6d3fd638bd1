import { type Answer, fail, succeed } from "../answer.ts";
import { parametersOf, parsePositive } from "../query.ts";
import type { Route } from "../route.ts";

const DAY_SECONDS = 86_400;
/** A signature cannot be taken back, but by its key. */
const LONGEST_SECONDS = 3_650 * DAY_SECONDS;

/** Where clients come from, and what they may have. */
export const ACCESS_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/geoiplist",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Country databases in the folder of ServiceAccess.",
    answers: { 404: "No folder of country databases is configured." },
    handle: async (_, { control }): Promise<Answer> => {
      const report = await control.geoIpFiles();
      if (report === undefined) return fail("geoiplist", 404, "GeoIP is not configured.");
      return succeed("geoiplist", {
        path: report.folder.endsWith("/") ? report.folder : `${report.folder}/`,
        files: report.files.map(({ file, sizeBytes }) => ({ file, size: sizeBytes })),
      });
    },
  },
  {
    path: "/control/sign",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "socket",
    doc: "Signs a URL of a host with SignedUrls: url={URL}, seconds={validity}, prefix={path that ends in /}",
    parameters: [
      { name: "url", doc: "The URL.", isRequired: true },
      { name: "seconds", doc: "How long it is to be valid; an hour without.", kind: "whole" },
      { name: "prefix", doc: "Makes the signature good for all paths that begin so." },
    ],
    answers: { 400: "The URL cannot be signed." },
    handle: (call, { control }) => {
      const parameters = parametersOf(call);
      const seconds = parsePositive(parameters.get("seconds") ?? "3600", LONGEST_SECONDS);
      if (seconds === undefined) return fail("sign", 400, `The parameter seconds must be 1 to ${LONGEST_SECONDS}.`);
      const prefix = parameters.get("prefix") ?? undefined;
      const outcome = control.signUrl({ url: parameters.get("url") ?? "", seconds, prefix });
      return outcome.kind === "signed" ? succeed("sign", outcome.url) : fail("sign", 400, outcome.reason);
    },
  },
];
