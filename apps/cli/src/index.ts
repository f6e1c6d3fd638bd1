export { EXIT } from "./exitCodes.ts";
export { findHome, type Home } from "./home.ts";
