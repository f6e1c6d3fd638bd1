import { wholeNumber, wordsOf } from "./procText.ts";

export interface NetworkDevice {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedErrors: number;
  readonly receivedDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentErrors: number;
  readonly sentDropped: number;
}

/** /proc/net/dev. Old kernels leave no blank behind the colon. */
export const parseNetworkDevices = (text: string): readonly NetworkDevice[] =>
  text.split("\n").flatMap((line) => {
    const colon = line.lastIndexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trim();
    const words = wordsOf(line.slice(colon + 1));
    if (colon < 0 || name === "" || words.length < 16) return [];
    const at = (column: number): number => wholeNumber(words[column]);
    return [
      {
        name,
        receivedBytes: at(0),
        receivedPackets: at(1),
        receivedErrors: at(2),
        receivedDropped: at(3),
        sentBytes: at(8),
        sentPackets: at(9),
        sentErrors: at(10),
        sentDropped: at(11),
      },
    ];
  });
