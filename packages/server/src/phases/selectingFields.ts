import type { FieldGetter } from "@basalt/cache";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";

/**
 * A field of a request as far as it tells objects apart (AWS-54): what is written here for the origin counts as written
 * (AWS-37, AWS-38), whatever the client says.
 */
export const selectingValue = (
  lowerCaseName: string,
  get: FieldGetter,
  { settings, requestSelector }: Pick<ServedVhost, "settings" | "requestSelector">,
  { protocol, connection }: Pick<Exchange, "protocol" | "connection">,
): string | undefined => {
  const { forwarded } = settings.originOptions;
  if (forwarded.proto && lowerCaseName === "x-forwarded-proto") return protocol;
  if (forwarded.port && lowerCaseName === "x-forwarded-port") return String(connection.localPort);
  return requestSelector === undefined ? get(lowerCaseName) : requestSelector.read(lowerCaseName, get);
};
