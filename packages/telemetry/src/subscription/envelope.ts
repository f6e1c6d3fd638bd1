import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { LogEvent } from "./contract.ts";

export interface EventSource {
  readonly owner: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly subscription: string;
}

const compress = promisify(gzip);

/** The body of a call (AWS-86). */
export const envelopeOf = async (source: EventSource, logEvents: readonly LogEvent[]): Promise<string> => {
  const { owner, logGroup, logStream, subscription } = source;
  const message = {
    messageType: "DATA_MESSAGE",
    owner,
    logGroup,
    logStream,
    subscriptionFilters: [subscription],
    logEvents,
  };
  const data = (await compress(JSON.stringify(message))).toString("base64");
  return JSON.stringify({ awslogs: { data } });
};
