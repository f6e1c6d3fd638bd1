import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { EdgeError } from "@basalt/types";

/**
 * A configuration on its way to a worker. Of thousands of hosts few change at a time: one that the worker has already, in
 * the configuration of that generation, is named by its place there.
 */
export interface ConfigTransfer {
  readonly base: number | undefined;
  readonly rest: Omit<EdgeConfig, "vhosts">;
  readonly vhosts: readonly (VhostSettings | number)[];
}

/** `base`: what the worker has put in service last; hosts are the same when they are the same objects. */
export const packConfig = ({ vhosts, ...rest }: EdgeConfig, base: EdgeConfig | undefined): ConfigTransfer => {
  if (base === undefined) return { base: undefined, rest, vhosts };
  const places = new Map(base.vhosts.map((vhost, place) => [vhost, place]));
  return { base: base.generation, rest, vhosts: vhosts.map((vhost) => places.get(vhost) ?? vhost) };
};

/**
 * Hosts named by their places are the very objects of `base`.
 * @throws EdgeError INTERNAL when `base` is not what the sender took it to be
 */
export const unpackConfig = ({ base, rest, vhosts }: ConfigTransfer, known: EdgeConfig | undefined): EdgeConfig => {
  if (base !== undefined && base !== known?.generation) throw unfit(base);
  return {
    ...rest,
    vhosts: vhosts.map((entry) => {
      const vhost = typeof entry === "number" ? known?.vhosts[entry] : entry;
      if (vhost === undefined) throw unfit(base);
      return vhost;
    }),
  };
};

const unfit = (base: number | undefined): EdgeError =>
  new EdgeError("INTERNAL", { detail: `the configuration ${base} is not known here` });
