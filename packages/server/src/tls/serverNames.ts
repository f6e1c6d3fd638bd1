/** Finds what is meant by a server name (TLS-22, TLS-23). */
export interface ServerNames<Item> {
  find(serverName: string | undefined): Item;
}

interface Named {
  /** In lower case; `*.` in front stands for one label. */
  readonly names: readonly string[];
}

/**
 * An exact name beats a wildcard; of several items with the same name the first counts; without a match it is the first
 * item of all.
 */
export const compileServerNames = <Item extends Named>(first: Item, others: readonly Item[]): ServerNames<Item> => {
  const exact = new Map<string, Item>();
  const wildcards = new Map<string, Item>();
  for (const item of [first, ...others]) {
    for (const name of item.names) {
      const isWildcard = name.startsWith("*.");
      const map = isWildcard ? wildcards : exact;
      const key = isWildcard ? name.slice(1) : name;
      if (!map.has(key)) map.set(key, item);
    }
  }
  return {
    find: (serverName) => {
      if (serverName === undefined) return first;
      const found = exact.get(serverName);
      if (found !== undefined) return found;
      const dot = serverName.indexOf(".");
      return (dot > 0 ? wildcards.get(serverName.slice(dot)) : undefined) ?? first;
    },
  };
};
