import type { LinkCondition, LinkedAnswer } from "../vhostLinkContract.ts";
import { option } from "./option.ts";
import { plainText, type ValueType } from "./valueTypes.ts";

const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const parseAnswer = (text: string): LinkedAnswer | undefined => {
  if (text === "fail") return text;
  return /^[1-5]\d\d$/.test(text) ? Number(text) : CLASSES.find((name) => name === text);
};

const linkCondition: ValueType<LinkCondition> = {
  name: "list",
  allowed: "a comma list of status codes, 1xx to 5xx, and fail",
  emptyIsValue: false,
  parse: (text) => {
    const condition: LinkedAnswer[] = [];
    for (const member of text.split(",")) {
      const answer = parseAnswer(member.trim().toLowerCase());
      if (answer === undefined) {
        return { ok: false, message: `${JSON.stringify(member.trim())} is no status, no class of them and not fail.` };
      }
      condition.push(answer);
    }
    return { ok: true, value: condition };
  },
  format: (condition) => condition.join(","),
};

export const formatLinkCondition = (condition: LinkCondition): string => linkCondition.format(condition);

/** Relative to `<Vhost>`. */
export const VHOST_LINK_OPTIONS = {
  linkTarget: option("VhostLink", plainText, "", {
    doc: "Virtual host that requests by GET and HEAD are handed on to when what the origin answers meets `Condition`; statistics of clients and access log stay here. Requests that are bypassed are not handed on.",
    defaultNote: "none",
    spec: "VHT-50, VHT-52, VHT-53",
  }),
  linkCondition: option("VhostLink@Condition", linkCondition, [], {
    doc: "Statuses of the origin's response (`403,404`), classes of them (`5xx`), and `fail`: nothing could be had from the origin.",
    defaultNote: "required where there is a `<VhostLink>`",
    spec: "VHT-51",
  }),
};
