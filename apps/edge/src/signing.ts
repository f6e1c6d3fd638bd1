import type { EdgeConfig } from "@basalt/config";
import type { SigningOutcome, SigningRequest } from "@basalt/management";
import { compileVhostTable, signScope } from "@basalt/policy";

const refuse = (reason: string): SigningOutcome => ({ kind: "refused", reason });

/** A URL that `<SignedUrls>` of its virtual host will let through, by the first of its keys. */
export const signUrl = (request: SigningRequest, config: EdgeConfig, nowMs: number): SigningOutcome => {
  const [, scheme = "http", authority = "", target = ""] =
    /^(?:(https?):\/\/)?([^/?#\s]+)(\/[\x21-\x7e]*)$/i.exec(request.url) ?? [];
  if (target === "") return refuse("The URL is not of the form {host}/{path}.");
  const vhost = compileVhostTable(config).find(authority);
  if (vhost === undefined) return refuse(`No virtual host has the name ${authority}.`);
  const { enabled, keys, parameter } = vhost.options.access.signedUrls;
  const [key] = keys;
  if (!enabled || key === undefined) return refuse(`The virtual host ${vhost.name} has no SignedUrls with a key.`);
  const [path = "", query] = target.split(/\?(.*)/s);
  const { prefix } = request;
  if (prefix !== undefined && !path.startsWith(prefix)) return refuse(`${path} does not begin with ${prefix}.`);
  const scope = prefix === undefined ? ({ kind: "path", path } as const) : ({ kind: "prefix", prefix } as const);
  const value = signScope(key, scope, Math.floor(nowMs / 1000) + request.seconds);
  if (value === undefined) return refuse(`The prefix ${prefix} does not begin and end with a slash.`);
  const before = query === undefined || query === "" ? "" : `${query}&`;
  return { kind: "signed", url: `${scheme}://${authority}${path}?${before}${parameter}=${value}` };
};
