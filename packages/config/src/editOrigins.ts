import { formatAddress } from "./options/originElements.ts";
import { parseOriginAddress } from "./syntax/originAddress.ts";
import { parseXml } from "./xml/parseXml.ts";
import { findChild, findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** Changes of the active origin servers of one virtual host (AWS-31). */
export interface OriginEdit {
  readonly vhost: string;
  readonly add: readonly { readonly address: string; readonly weight: number }[];
  readonly remove: readonly string[];
}

export type OriginEditOutcome =
  /** `text`: the file afterwards, the same where nothing was to be done; `addresses`: all of them then. */
  | { readonly kind: "edited"; readonly text: string; readonly addresses: readonly string[] }
  | { readonly kind: "unknownVhost" }
  | { readonly kind: "refused"; readonly reason: string };

const refused = (reason: string): OriginEditOutcome => ({ kind: "refused", reason });

/** Positions of the beginnings of lines. */
const lineStartsOf = (text: string): readonly number[] => {
  const starts = [0];
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
};

/** A piece of the file that goes, and what comes in its place. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const apply = (text: string, changes: readonly Change[]): string => {
  let edited = text;
  for (const { from, to, text: news } of [...changes].sort((one, other) => other.from - one.from)) {
    edited = edited.slice(0, from) + news + edited.slice(to);
  }
  return edited;
};

const elementFor = ({ address, weight }: OriginEdit["add"][number]): string =>
  `<Address${weight === 1 ? "" : ` Weight="${weight}"`}>${address}</Address>`;

/**
 * Adds and removes `<Address>` elements of one `<Vhost>` in the text of a vhosts.xml; everything else stays as it was
 * written. An address that is there already is not added again.
 */
export const editOrigins = (text: string, { vhost, add, remove }: OriginEdit): OriginEditOutcome => {
  const parsed = parseXml(text);
  if (!parsed.ok) return refused(parsed.message);
  const host = findChildren(parsed.root, "Vhost").find(
    ({ attributes }) => attributes.get("Name")?.toLowerCase() === vhost.toLowerCase(),
  );
  if (host === undefined) return { kind: "unknownVhost" };
  const origin = findChild(host, "Origin");
  if (origin === undefined) return refused(`${vhost} has no <Origin>.`);
  const present = findChildren(origin, "Address");
  for (const { address } of add) {
    const problem = parseOriginAddress(address);
    if (typeof problem === "string") return refused(`${address} ${problem}.`);
    if (/[<>&]/.test(address)) return refused(`${address} holds a character of XML.`);
  }
  const unknown = remove.find((address) => !present.some((element) => element.text === address));
  if (unknown !== undefined) return refused(`${unknown} is no <Address> of ${vhost}.`);
  const starts = lineStartsOf(text);
  const startOf = ({ line, column }: XmlElement): number => (starts[line - 1] ?? 0) + column - 1;
  const endOf = (element: XmlElement): number => text.indexOf(">", text.indexOf("</Address", startOf(element))) + 1;
  const gone = present.filter((element) => remove.includes(element.text));
  const isNew = ({ address }: (typeof add)[number], index: number): boolean =>
    !present.some((element) => element.text === address) &&
    add.findIndex((other) => other.address === address) === index;
  const news = add.filter(isNew);
  const last = present.at(-1);
  const place = last === undefined ? text.indexOf(">", startOf(origin)) + 1 : endOf(last);
  const changes: Change[] = gone.map((element) => ({ from: startOf(element), to: endOf(element), text: "" }));
  if (news.length > 0) changes.push({ from: place, to: place, text: news.map(elementFor).join("") });
  const kept = present.filter((element) => !gone.includes(element)).map((element) => element.text);
  const added = news.map(({ address, weight }) => formatAddress({ text: address, weight, countries: [] }));
  return { kind: "edited", text: apply(text, changes), addresses: [...kept, ...added] };
};
