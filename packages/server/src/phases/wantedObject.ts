import type { Exchange } from "../exchange.ts";

/** An object that a request needs: the one that it names now or, where it needs several, one of them. */
export type WantedObject = Readonly<Pick<Exchange, "url" | "name" | "variant" | "target" | "derivation">>;
