/**
 * Boundary: undici's client alone. The package's entry point loads all of fetch, WebSocket and caching with it, which
 * would cost each worker 13 MB and 0.1 s of its start.
 */
export { default as UndiciClient } from "undici/lib/dispatcher/client.js";
