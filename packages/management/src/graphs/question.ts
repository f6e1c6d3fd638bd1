import { type GraphTypeName, isGraphTypeName } from "./graphTypes.ts";
import { type GraphResource, SERVER_GRAPHS, VHOST_GRAPHS } from "./resources.ts";

/** A picture that is asked for. Plain data. */
export interface GraphQuestion {
  readonly scope: GraphResource["scope"];
  /** As in the path. */
  readonly resource: string;
  readonly type: GraphTypeName;
  /** Undefined: all together; always so of the server. */
  readonly vhost: string | undefined;
}

const PATH = /^\/graph\/(vhost\/)?([a-z0-9_]{1,40})_([a-z]{1,8})\.png$/;

/** GRAPH-01 to GRAPH-03; undefined where no such picture exists (GRAPH-06). */
export const parseGraphPath = (path: string, vhost: string | undefined): GraphQuestion | undefined => {
  const [, below, resource = "", type = ""] = PATH.exec(path) ?? [];
  const scope = below === undefined ? "server" : "vhosts";
  if (!isGraphTypeName(type) || graphOf({ scope, resource }) === undefined) return undefined;
  return { scope, resource, type, vhost: scope === "vhosts" ? vhost : undefined };
};

export const graphOf = ({ scope, resource }: Pick<GraphQuestion, "scope" | "resource">): GraphResource | undefined =>
  (scope === "server" ? SERVER_GRAPHS : VHOST_GRAPHS).get(resource);
