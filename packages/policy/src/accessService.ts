import type { ServiceAccessSettings } from "@basalt/config";
import { type CountryLookup, compileAddressTable } from "./addressTable.ts";

export interface ServiceAccessDecision {
  readonly isAllowed: boolean;
  /** The expression that decided, or `Default` (ACL-14, OPEN). */
  readonly rule: string;
}

/** Decides about a client by its address alone (ACL-10). */
export type ServiceAccess = (address: string, countryOf: CountryLookup | undefined) => ServiceAccessDecision;

/** ACL-11, ACL-12; undefined when everybody may connect. */
export const compileServiceAccess = (settings: ServiceAccessSettings): ServiceAccess | undefined => {
  const { entries } = settings;
  if (settings.default === "Allow" && entries.every(({ action }) => action === "Allow")) return undefined;
  const table = compileAddressTable(entries.map(({ address }) => address));
  const decisions = entries.map(({ action, address }) => ({ isAllowed: action === "Allow", rule: address }));
  const otherwise = { isAllowed: settings.default === "Allow", rule: "Default" };
  return (address, countryOf) => decisions[table.firstMatch(address, countryOf)] ?? otherwise;
};
