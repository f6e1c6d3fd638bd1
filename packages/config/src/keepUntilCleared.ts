import { isDeepStrictEqual } from "node:util";
import type { EdgeConfig, VhostSettings } from "./contract.ts";
import type { DrmSettings } from "./drmContract.ts";

type KeyMaterial = Pick<DrmSettings, "algorithm" | "iv" | "token" | "key" | "keyHash">;

const keyMaterialOf = ({ algorithm, iv, token, key, keyHash }: DrmSettings): KeyMaterial => ({
  algorithm,
  iv,
  token,
  key,
  keyHash,
});

/** Undefined: `next` is what it is to be. */
const withKeysOf = (current: VhostSettings | undefined, next: VhostSettings): VhostSettings | undefined => {
  if (current === undefined || current === next) return undefined;
  const { drm } = current.options;
  if (drm.status !== "Active" || next.options.drm.status !== "Active") return undefined;
  const keys = keyMaterialOf(drm);
  if (isDeepStrictEqual(keys, keyMaterialOf(next.options.drm))) return undefined;
  return { ...next, options: { ...next.options, drm: { ...next.options.drm, ...keys } } };
};

/**
 * `next`, but with the keys of `current` for hosts that go on encrypting (DRM-16): what clients have got is good for
 * those alone. `kept` names the hosts whose cache has to be cleared before the new ones count.
 */
export const keepUntilCleared = (
  current: EdgeConfig,
  next: EdgeConfig,
): { readonly config: EdgeConfig; readonly kept: readonly string[] } => {
  const before = new Map(current.vhosts.map((vhost) => [vhost.name, vhost]));
  const kept: string[] = [];
  const vhosts = next.vhosts.map((vhost) => {
    const held = withKeysOf(before.get(vhost.name), vhost);
    if (held === undefined) return vhost;
    kept.push(vhost.name);
    return held;
  });
  return kept.length === 0 ? { config: next, kept } : { config: { ...next, vhosts }, kept };
};
