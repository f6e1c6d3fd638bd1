import type { Problem } from "@basalt/types";
import type { EdgeConfig, VhostOptions } from "../contract.ts";
import { deepFreeze } from "../deepFreeze.ts";
import type { DrmSettings } from "../drmContract.ts";
import type { MediaSettings } from "../mediaContract.ts";
import { type Place, wholeFile } from "../problems.ts";
import type { Provenance } from "../provenance.ts";
import { VHOSTS_FILE } from "../vhostsPlaces.ts";
import { checkDrm, type DrmFinding } from "./checkDrm.ts";
import { decryptPassword } from "./passwords.ts";
import { hasEncryptedMediaKeys, settleMediaKeys } from "./settleMediaKeys.ts";
import { hasEncryptedKeys, settleSignatures } from "./settleSignatures.ts";

export interface SettledSecrets {
  /** Without encrypted values. */
  readonly config: EdgeConfig;
  /** With an error among them it is not to be put in service. */
  readonly problems: readonly Problem[];
}

interface Settled {
  readonly drm: DrmSettings;
  readonly findings: readonly DrmFinding[];
}

const UNREADABLE = "The value cannot be decrypted here";

type Decrypt = (encrypted: string) => Promise<string>;

const settleDrm = async (drm: DrmSettings, decrypt: Decrypt): Promise<Settled> => {
  const findings: DrmFinding[] = [];
  const plainOf = async (element: "IV" | "Token", text: string, type: DrmSettings["ivType"]): Promise<string> => {
    if (type === "plain") return text;
    try {
      return await decrypt(text);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      findings.push({ severity: "error", element, message: `${UNREADABLE}: ${reason}.` });
      return "";
    }
  };
  const iv = await plainOf("IV", drm.iv, drm.ivType);
  const token = await plainOf("Token", drm.token, drm.tokenType);
  const settled: DrmSettings = { ...drm, iv, ivType: "plain", token, tokenType: "plain" };
  return { drm: settled, findings: findings.length > 0 ? findings : checkDrm(settled) };
};

const isSettled = ({ status, ivType, tokenType }: DrmSettings): boolean =>
  status === "Inactive" && ivType === "plain" && tokenType === "plain";

/** Where the element is written, or what it stands beside. */
const placeOf = (provenance: Provenance, vhost: string, element: DrmFinding["element"]): Place => {
  const candidates = [`/${element}`, "/Token", "/Algorithm", "@Status"];
  const [place] = candidates.flatMap((at) => provenance.placesOf(vhost, `Options/Drm${at}`));
  if (place === undefined) return { ...wholeFile(VHOSTS_FILE), element: `Vhosts/Vhost/Options/Drm/${element}` };
  return { ...place, column: 0, element: place.element.replace(/\/Drm\b.*$/, `/Drm/${element}`) };
};

/**
 * Decrypts what `/command/encryptpassword` has encrypted for this home folder (DRM-17), and checks what can be checked
 * only then. What hosts share they go on sharing.
 */
export const settleSecrets = async (
  config: EdgeConfig,
  provenance: Provenance,
  home: string,
): Promise<SettledSecrets> => {
  const decrypted = new Map<string, Promise<string>>();
  const decrypt: Decrypt = (encrypted) => {
    const known = decrypted.get(encrypted) ?? decryptPassword(home, encrypted);
    decrypted.set(encrypted, known);
    return known;
  };
  const problems: Problem[] = [];
  const reported = new Set<string>();
  /** What many hosts inherit is told once. */
  const report = (problem: Problem): void => {
    const { file, line, element, message } = problem;
    const told = `${file}:${line} ${element} ${message}`;
    if (!reported.has(told)) problems.push(problem);
    reported.add(told);
  };
  const settledOptions = new Map<VhostOptions, VhostOptions>();
  for (const { name, options } of config.vhosts) {
    const isDrmSettled = isSettled(options.drm);
    if ((isDrmSettled && !hasEncryptedKeys(options.dims)) || settledOptions.has(options)) continue;
    const { drm, findings } = isDrmSettled ? { drm: options.drm, findings: [] } : await settleDrm(options.drm, decrypt);
    const signed = await settleSignatures(options.dims, decrypt);
    settledOptions.set(options, { ...options, drm, dims: signed.dims });
    for (const { index, message } of signed.findings) {
      const place = provenance.placesOf(name, "Options/Dims/Signature")[index];
      const where = place ?? { ...wholeFile(VHOSTS_FILE), element: "Vhosts/Vhost/Options/Dims/Signature" };
      report({ severity: "error", message, ...where, column: 0 });
    }
    for (const { element, ...finding } of findings) {
      report({ ...finding, ...placeOf(provenance, name, element) });
    }
  }
  const settledMedia = new Map<MediaSettings, MediaSettings>();
  for (const { name, media } of config.vhosts) {
    if (!hasEncryptedMediaKeys(media) || settledMedia.has(media)) continue;
    const settled = await settleMediaKeys(media, decrypt);
    settledMedia.set(media, settled.media);
    for (const { attribute, message } of settled.findings) {
      const element = `Media/MP4HLS/Encryption@${attribute}`;
      const [place] = provenance.placesOf(name, element);
      const where = place ?? { ...wholeFile(VHOSTS_FILE), element: `Vhosts/Vhost/${element}` };
      report({ severity: "error", message, ...where, column: 0 });
    }
  }
  if (settledOptions.size === 0 && settledMedia.size === 0) return { config, problems };
  const vhosts = config.vhosts.map((vhost) => {
    const options = settledOptions.get(vhost.options);
    const media = settledMedia.get(vhost.media);
    if (options === undefined && media === undefined) return vhost;
    return { ...vhost, options: options ?? vhost.options, media: media ?? vhost.media };
  });
  return { config: deepFreeze({ ...config, vhosts }), problems };
};
