import type { VhostSettings } from "./contract.ts";

/** Names beyond these are counted: there may be thousands. */
const NAMED_HOSTS = 5;

export const listHosts = (hosts: readonly Pick<VhostSettings, "name">[]): string => {
  const names = hosts.slice(0, NAMED_HOSTS).map(({ name }) => name);
  const more = hosts.length - names.length;
  return more === 0 ? names.join(", ") : `${names.join(", ")} and ${more} more`;
};
