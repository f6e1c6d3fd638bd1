import type { AccessAction } from "../accessContract.ts";
import { suggest } from "../syntax/suggest.ts";

type Outcome = { readonly ok: true; readonly value: AccessAction } | { readonly ok: false; readonly message: string };

const refuse = (message: string): Outcome => ({ ok: false, message });
const accept = (value: AccessAction): Outcome => ({ ok: true, value });

const ACTIONS = ["allow", "deny", "redirect"] as const;

/** What can stand in a Location field as it is. */
const LOCATION = /^[\x21-\x7e]+$/;

const readDeny = (code: string, more: string): Outcome => {
  if (more !== "") return refuse("Behind the status of deny nothing can stand.");
  if (code === "") return accept({ kind: "deny", status: undefined });
  if (!/^[2-5]\d\d$/.test(code)) return refuse(`${JSON.stringify(code)} is not a status, 200 to 599.`);
  return accept({ kind: "deny", status: Number(code) });
};

/**
 * The fields of a line of acl.txt behind its condition (ACL-39 to ACL-44). `argument` is the third field, `rest` all from
 * there on as it stands: a URL may hold commas.
 */
export const readAccessAction = (word: string, argument: string, rest: string): Outcome => {
  const more = rest === argument ? "" : rest;
  const action = ACTIONS.find((known) => known === word.toLowerCase());
  switch (action) {
    case "allow":
      return rest === "" ? accept({ kind: "allow" }) : refuse("Behind allow nothing can stand.");
    case "deny":
      return readDeny(argument, more);
    case "redirect":
      if (rest === "") return refuse("The target of the redirect is missing.");
      return LOCATION.test(rest)
        ? accept({ kind: "redirect", location: rest })
        : refuse(`The target ${JSON.stringify(rest)} holds characters that a Location field cannot carry.`);
    default:
      if (word === "") return rest === "" ? accept({ kind: "opposite" }) : refuse("The action is missing.");
      return refuseWord(word);
  }
};

const refuseWord = (word: string): Outcome => {
  const near = suggest(word.toLowerCase(), ACTIONS);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return refuse(`${JSON.stringify(word)} is none of ${ACTIONS.join(", ")}.${hint}`);
};
