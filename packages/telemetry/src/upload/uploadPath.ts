import { basename } from "node:path";
import { compileTimeFormat } from "../logs/strftime.ts";
import type { UploadFile } from "./contract.ts";

const DEFAULT_TIME = "%Y%m%d_%H%M";
const COMPRESSED = ".gz";

const timeText = (format: string | undefined, ms: number): string =>
  (compileTimeFormat(format ?? DEFAULT_TIME) ?? compileTimeFormat(DEFAULT_TIME))?.(ms) ?? "";

/** Requests of no host have a log without the name of one. */
const hostPart = (vhost: string): string => vhost.replace(/^\*/, "");

/** Where a file goes on the server (LOG-185, LOG-186); a compressed one keeps the end of its name (LOG-189). */
export const uploadPathOf = (template: string, file: UploadFile, machine: string): string => {
  const name = basename(file.path);
  const vhost = hostPart(file.vhost);
  if (template === "") return vhost === "" ? `/${name}` : `/${vhost}/${name}`;
  const path = template.replace(/%(?:\{([^{}]+)\})?([%sepvh])/g, (_, format: string | undefined, token: string) => {
    switch (token) {
      case "s":
        return timeText(format, file.startMs);
      case "e":
        return timeText(format, file.endMs);
      case "p":
        return file.kind;
      case "v":
        return vhost;
      case "h":
        return machine;
      default:
        return "%";
    }
  });
  const whole = path.startsWith("/") ? path : `/${path}`;
  return name.endsWith(COMPRESSED) && !whole.endsWith(COMPRESSED) ? whole + COMPRESSED : whole;
};
