import type { HealthChecker } from "../contract.ts";
import type { AddressShare } from "../originChoiceContract.ts";
import { countryOf } from "../syntax/countryCode.ts";
import { type AddressParts, parseOriginAddress } from "../syntax/originAddress.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { type ListAttribute, listOption } from "./option.ts";
import { duration, fieldText, integer, oneOf, onOff, originPath, statusList, type ValueType } from "./valueTypes.ts";

const quote = (text: string): string => JSON.stringify(text);

/** Text of an element that validation has let through. */
export const readText =
  <T>(type: ValueType<T>) =>
  (element: XmlElement): T => {
    const outcome = type.parse(element.text);
    if (!outcome.ok) throw new Error(`<${element.name}> was read before it was checked`);
    return outcome.value;
  };

/** Value of an attribute that may be absent or wrong; validation reports the latter. */
export const attributeOr = <T>(element: XmlElement, name: string, type: ValueType<T>, absent: T): T => {
  const text = element.attributes.get(name);
  const outcome = text === undefined ? undefined : type.parse(text);
  return outcome?.ok ? outcome.value : absent;
};

const originAddress: ValueType<AddressParts> = {
  name: "address",
  allowed: "[https://]{IP or domain}[:{port}][{path}]",
  emptyIsValue: false,
  parse: (text) => {
    const value = parseOriginAddress(text);
    return typeof value === "string" ? { ok: false, message: `${quote(text)} ${value}.` } : { ok: true, value };
  },
  format: (value) => value.text,
};

const weight = integer({ min: 1, max: 1_000 });

const countries: ValueType<readonly string[]> = {
  name: "list",
  allowed: "a comma list of country codes of two or three letters",
  emptyIsValue: false,
  parse: (text) => {
    const codes: string[] = [];
    for (const word of text.split(",")) {
      const code = countryOf(word.trim());
      if (code === undefined) return { ok: false, message: `${quote(word.trim())} is no country.` };
      codes.push(code);
    }
    return { ok: true, value: [...new Set(codes)] };
  },
  format: (codes) => codes.join(", "),
};

const ADDRESS_ATTRIBUTES: readonly ListAttribute[] = [
  {
    name: "Weight",
    type: weight,
    defaultNote: "`1`",
    doc: "Share of the requests, against the weights of the others (AWS-33).",
  },
  {
    name: "Country",
    type: countries,
    defaultNote: "all",
    doc: "Countries whose clients it is for; clients of others go to servers without the attribute (AWS-33).",
  },
];

/** An address as written, with its share. */
export interface SharedAddress extends AddressParts, AddressShare {}

export const formatAddress = ({
  text,
  weight: share,
  countries: of,
}: Pick<SharedAddress, "text" | "weight" | "countries">): string => {
  const said = [...(share === 1 ? [] : [`Weight ${share}`]), ...(of.length === 0 ? [] : [`Country ${of.join(" ")}`])];
  return said.length === 0 ? text : `${text} (${said.join(", ")})`;
};

export const addressOption = (
  at: string,
  row: { readonly doc: string; readonly spec: string; readonly defaultNote?: string },
) =>
  listOption<SharedAddress>(at, {
    ...row,
    default: [],
    text: originAddress,
    attributes: ADDRESS_ATTRIBUTES,
    read: (element) => ({
      ...readText(originAddress)(element),
      weight: attributeOr(element, "Weight", weight, 1),
      countries: attributeOr<readonly string[]>(element, "Country", countries, []),
    }),
    format: formatAddress,
  });

const checkTime = duration({ min: 1, max: 2_000_000 });
const checkCount = integer({ min: 1, max: 1_000_000 });

const checkedPath: ValueType<string> = {
  ...originPath,
  allowed: `${originPath.allowed}; empty for /`,
  emptyIsValue: true,
  parse: (text) => (text === "" ? { ok: true, value: "/" } : originPath.parse(text)),
};

const checkType = oneOf("http", "tcp");

/** Connection and framing are not an operator's to write. */
const RESERVED = /^(?:host|user-agent|connection|content-length|transfer-encoding|upgrade|te|expect|keep-alive)$/i;

/** `name: value | name: value`, flat. */
const checkFields: ValueType<readonly string[]> = {
  name: "fields",
  allowed: "header fields {name}: {value}, several with | between them; host, user-agent and framing excepted",
  emptyIsValue: true,
  parse: (text) => {
    const fields: string[] = [];
    for (const line of text === "" ? [] : text.split("|")) {
      const [, name = "", value = ""] = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+):\s*([\x20-\x7e]*?)\s*$/.exec(line) ?? [];
      if (name === "" || RESERVED.test(name)) return { ok: false, message: `${quote(line.trim())} is no such field.` };
      fields.push(name, value);
    }
    return { ok: true, value: fields };
  },
  format: (fields) => fields.filter((_, index) => index % 2 === 0).join(", "),
};

const HEALTH_CHECKER_DEFAULTS: Omit<HealthChecker, "uri" | "fields"> = {
  type: "http",
  resCodes: [],
  timeoutSeconds: 10,
  cycleSeconds: 10,
  exclusion: 3,
  recovery: 5,
  log: true,
};

const fieldsOf = (element: XmlElement): readonly string[] => {
  const host = attributeOr(element, "Host", fieldText, "");
  const userAgent = attributeOr(element, "UserAgent", fieldText, "");
  return [
    ...(host === "" ? [] : ["Host", host]),
    ...(userAgent === "" ? [] : ["User-Agent", userAgent]),
    ...attributeOr<readonly string[]>(element, "Fields", checkFields, []),
  ];
};

/** Values of fields may be secrets: the names are enough to tell what has changed. */
export const formatHealthChecker = (checker: HealthChecker): string => {
  const { type, uri, fields, resCodes, timeoutSeconds, cycleSeconds, exclusion, recovery, log } = checker;
  const said = [
    ...(type === "tcp" ? ["Type tcp"] : []),
    `ResCode ${statusList.format(resCodes)}`,
    `Timeout ${timeoutSeconds}`,
    `Cycle ${cycleSeconds}`,
    `Exclusion ${exclusion}`,
    `Recovery ${recovery}`,
    `Log ${onOff.format(log)}`,
    ...(fields.length === 0 ? [] : [`Fields ${checkFields.format(fields)}`]),
  ];
  return `${uri} (${said.join(", ")})`;
};

export const HEALTH_CHECKER_OPTION = listOption<HealthChecker>("Origin/HealthChecker", {
  text: checkedPath,
  attributes: [
    {
      name: "Type",
      type: checkType,
      defaultNote: "`http`",
      doc: "`tcp` only connects: for hosts whose ports are relayed (AWS-26).",
    },
    {
      name: "Host",
      type: fieldText,
      defaultNote: "as probes do",
      doc: "`Host` of checks (AWS-24).",
    },
    { name: "UserAgent", type: fieldText, defaultNote: "as probes do", doc: "`User-Agent` of checks (AWS-24)." },
    {
      name: "Fields",
      type: checkFields,
      defaultNote: "none",
      doc: "Further fields of checks, `{name}: {value}` with `|` between them (AWS-24).",
    },
    {
      name: "ResCode",
      type: statusList,
      defaultNote: "`0`",
      doc: "Statuses that count as success; 0 for any.",
    },
    {
      name: "Timeout",
      type: checkTime,
      defaultNote: "`10`",
      doc: "Longest check, from the connect to the end of the transaction.",
    },
    { name: "Cycle", type: checkTime, defaultNote: "`10`", doc: "Time between checks." },
    { name: "Exclusion", type: checkCount, defaultNote: "`3`", doc: "Failures in a row that exclude a server." },
    { name: "Recovery", type: checkCount, defaultNote: "`5`", doc: "Successes in a row that bring it back." },
    { name: "Log", type: onOff, defaultNote: "`ON`", doc: "Whether checks are written to the origin log." },
  ],
  default: [],
  doc: "What an active check asks all origin servers for, standby ones too; each checker decides by itself.",
  spec: "ORG-13 to ORG-20, AWS-22 to AWS-24, AWS-26",
  read: (element) => ({
    type: attributeOr(element, "Type", checkType, HEALTH_CHECKER_DEFAULTS.type),
    uri: readText(checkedPath)(element),
    fields: fieldsOf(element),
    resCodes: attributeOr(element, "ResCode", statusList, HEALTH_CHECKER_DEFAULTS.resCodes),
    timeoutSeconds: attributeOr(element, "Timeout", checkTime, HEALTH_CHECKER_DEFAULTS.timeoutSeconds),
    cycleSeconds: attributeOr(element, "Cycle", checkTime, HEALTH_CHECKER_DEFAULTS.cycleSeconds),
    exclusion: attributeOr(element, "Exclusion", checkCount, HEALTH_CHECKER_DEFAULTS.exclusion),
    recovery: attributeOr(element, "Recovery", checkCount, HEALTH_CHECKER_DEFAULTS.recovery),
    log: attributeOr(element, "Log", onOff, HEALTH_CHECKER_DEFAULTS.log),
  }),
  format: formatHealthChecker,
});
