import type { ClientRewrite, SubPath } from "../contract.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { findChild } from "../xml/xmlElement.ts";
import { listOption } from "./option.ts";
import { oneOf, plainText, regularExpression, urlTemplate, type ValueType } from "./valueTypes.ts";

const loggedUrl = oneOf("Replace", "Pattern");

const readLoggedUrl = (element: XmlElement): ClientRewrite["accessLog"] => {
  const outcome = loggedUrl.parse(element.attributes.get("AccessLog") ?? "Replace");
  return outcome.ok ? outcome.value : "Replace";
};

/** Relative to `<Vhosts>`. */
export const CLIENT_REWRITE_OPTION = listOption<ClientRewrite>("URLRewrite", {
  text: undefined,
  attributes: [
    {
      name: "AccessLog",
      type: loggedUrl,
      defaultNote: "`Replace`",
      doc: "URL in the access log: `Replace` the rewritten one, `Pattern` the one that was asked for.",
    },
  ],
  children: [
    {
      name: "Pattern",
      type: regularExpression,
      doc: "Regular expression; matches anywhere in host name, path and query string, matching takes linear time.",
    },
    {
      name: "Replace",
      type: { ...urlTemplate, allowed: "host name and path, which may hold #0 to #9 and no blank" },
      doc: "What counts instead: up to the first `/` the host name, then path and query string. `#1` to `#9` are the groups of the expression, `#0` is the whole URL.",
    },
  ],
  default: [],
  doc: "Another URL for requests of clients, before a virtual host is chosen; the first rule that matches counts.",
  spec: "VHT-01 to VHT-16",
  read: (element) => ({
    pattern: findChild(element, "Pattern")?.text ?? "",
    replace: findChild(element, "Replace")?.text ?? "",
    accessLog: readLoggedUrl(element),
  }),
  format: ({ pattern, replace, accessLog }) =>
    `${pattern} -> ${replace}${accessLog === "Pattern" ? " (logged as asked for)" : ""}`,
});

const subPath: ValueType<string> = {
  name: "path",
  allowed: "a path, or a pattern with * for any run of characters, without blanks and query string",
  emptyIsValue: false,
  parse: (text) =>
    /^[\x21-\x7e]+$/.test(text) && !/[?#]/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is not such a path.` },
  format: (value) => value,
};

/** VHT-33: `baseball` is `/baseball/`, `*.jpg` is `/*.jpg`. */
const completePath = (text: string): string => {
  const rooted = text.startsWith("/") ? text : `/${text}`;
  return rooted.includes("*") || rooted.endsWith("/") ? rooted : `${rooted}/`;
};

export const formatSubPath = ({ path, vhost }: SubPath): string => `${path} -> ${vhost}`;

/** Relative to `<Vhost>`. */
export const SUB_PATH_OPTION = listOption<SubPath>("Sub/Path", {
  text: subPath,
  attributes: [{ name: "Vhost", type: plainText, defaultNote: "required", doc: "The virtual host that handles them." }],
  default: [],
  doc: "Requests that another virtual host handles: a path with all below it, or a pattern of whole paths; missing slashes are added. The first that matches counts, and the URL stays as it is.",
  spec: "VHT-30 to VHT-37",
  read: (element) => ({ path: completePath(element.text), vhost: element.attributes.get("Vhost") ?? "" }),
  format: formatSubPath,
});
