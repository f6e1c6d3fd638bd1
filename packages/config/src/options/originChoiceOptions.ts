import type { DrainingSettings, ForwardedSettings, StickySettings } from "../originChoiceContract.ts";
import { type OptionTable, option } from "./option.ts";
import { duration, oneOf, onOff, type ValueType } from "./valueTypes.ts";

const cookieName: ValueType<string> = {
  name: "name",
  allowed: "the name of a cookie",
  emptyIsValue: false,
  parse: (text) =>
    /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text.slice(0, 100))} cannot be the name of a cookie.` },
  format: (value) => value,
};

/** Places are relative to `<OriginOptions>`. */
export const DRAINING_OPTIONS: OptionTable<DrainingSettings> = {
  enabled: option<boolean>("Draining", onOff, false, {
    doc: "Whether what runs to a server that has left service, by a reload, its failures or its name, is ended after a time; `OFF` lets it run to its end.",
    spec: "AWS-27",
  }),
  timeoutSeconds: option<number>("Draining@Timeout", duration({ min: 1, max: 3_600 }), 300, {
    doc: "How long that may go on.",
    spec: "AWS-27",
  }),
};

/** Places are relative to `<OriginOptions>`. */
export const STICKY_OPTIONS: OptionTable<StickySettings> = {
  mode: option("Sticky@Mode", oneOf("OFF", "cookie", "application"), "OFF", {
    doc: "Whether bypassed requests of one client go to one origin server as long as that is in service: `cookie` by a cookie of this server's own, `application` only while the client has the cookie `Name` of the application too.",
    spec: "AWS-29",
  }),
  name: option<string>("Sticky@Name", cookieName, "EDGEORIGIN", {
    doc: "Name of the cookie; with `application` that of the application's, and the own one has `-edge` behind it.",
    spec: "AWS-29",
  }),
  durationSeconds: option<number>("Sticky@Duration", duration({ min: 0, max: 604_800 }), 3_600, {
    doc: "Lifetime of the own cookie; 0 until the browser ends. With `application` it lives as long as the application's.",
    spec: "AWS-29",
  }),
};

/** Places are relative to `<OriginOptions>`. */
export const FORWARDED_OPTIONS: OptionTable<ForwardedSettings> = {
  xff: option("XFFMode", oneOf("append", "preserve", "remove"), "append", {
    doc: "`X-Forwarded-For` sent to the origin: the client's with its address at the end, the client's as it came, or none.",
    spec: "AWS-36",
  }),
  proto: option<boolean>("XForwardedProto", onOff, false, {
    doc: "Whether the origin is told in `X-Forwarded-Proto` if the client came by `http` or `https`.",
    spec: "AWS-37",
  }),
  port: option<boolean>("XForwardedPort", onOff, false, {
    doc: "Whether the origin is told in `X-Forwarded-Port` which port the client connected to.",
    spec: "AWS-38",
  }),
};
