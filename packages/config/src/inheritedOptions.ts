import type { CachingProfile, OriginOptions, StatsOptions, VhostLogs, VhostOptions } from "./contract.ts";
import type { MediaSettings } from "./mediaContract.ts";
import type { BlockMemo } from "./options/blockMemo.ts";
import { LOG_OPTIONS } from "./options/logOptions.ts";
import { MEDIA_OPTIONS } from "./options/mediaOptions.ts";
import { ORIGIN_OPTIONS } from "./options/originOptions.ts";
import { STATS_OPTIONS } from "./options/statsOptions.ts";
import { VHOST_OPTIONS } from "./options/vhostOptions.ts";
import { resolveOptions } from "./options/walkTable.ts";
import type { WrittenPlaces } from "./writtenPlaces.ts";
import { findChild, type XmlElement } from "./xml/xmlElement.ts";

export interface SharedOptions {
  readonly options: VhostOptions;
  readonly originOptions: OriginOptions;
}

/** What hosts inherit: the built-in defaults of their caching profile with `<VHostDefault>` over them. */
export interface InheritedOptions {
  /** Of hosts that write none. */
  readonly profile: CachingProfile;
  readonly byProfile: Readonly<Record<CachingProfile, SharedOptions>>;
  readonly media: MediaSettings;
  readonly logs: VhostLogs;
  readonly stats: StatsOptions;
}

/** The caching profile that an `<Options>` writes, else `inherited`. */
export const readProfile = (options: XmlElement | undefined, inherited: CachingProfile): CachingProfile => {
  const { cachingProfile } = VHOST_OPTIONS;
  return resolveOptions({ cachingProfile }, options, { cachingProfile: inherited }).cachingProfile;
};

export const resolveInherited = (
  vhostDefault: XmlElement | undefined,
  written: WrittenPlaces,
  memo: BlockMemo,
): InheritedOptions => {
  const optionsLayer = findChild(vhostDefault, "Options");
  const originLayer = findChild(vhostDefault, "OriginOptions");
  const profile = readProfile(optionsLayer, VHOST_OPTIONS.cachingProfile.default);
  const resolveFor = (wanted: CachingProfile): SharedOptions => {
    // What the layer writes is the same for both, and is noted once.
    const noteBelow = (block: string) => (wanted === profile ? written.noteBelow(block) : undefined);
    return {
      options: memo.resolveBase(VHOST_OPTIONS, optionsLayer, noteBelow("Options"), wanted),
      originOptions: memo.resolveBase(ORIGIN_OPTIONS, originLayer, noteBelow("OriginOptions"), wanted),
    };
  };
  return {
    profile,
    byProfile: { guide: resolveFor("guide"), rfc9111: resolveFor("rfc9111") },
    media: memo.resolveBase(MEDIA_OPTIONS, findChild(vhostDefault, "Media"), written.noteBelow("Media")),
    logs: memo.resolveBase(LOG_OPTIONS, findChild(vhostDefault, "Log"), written.noteBelow("Log")),
    stats: memo.resolveBase(STATS_OPTIONS, findChild(vhostDefault, "Stats"), written.noteBelow("Stats")),
  };
};
