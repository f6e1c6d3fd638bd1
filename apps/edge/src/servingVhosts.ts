import type { EdgeConfig, VhostSettings } from "@basalt/config";

/** Hosts that have origin and content of their own: all but facades (VHT-22). */
export const servingVhosts = ({ vhosts }: Pick<EdgeConfig, "vhosts">): readonly VhostSettings[] =>
  vhosts.filter(({ facadeOf }) => facadeOf === undefined);
