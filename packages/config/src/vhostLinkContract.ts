/** An answer of an origin: a status, a class of them, or none. */
export type LinkedAnswer = number | `${1 | 2 | 3 | 4 | 5}xx` | "fail";

/** Answers of an origin that hand a request on to another host (VHT-51). */
export type LinkCondition = readonly LinkedAnswer[];

/** VHT-50. */
export interface VhostLink {
  /** A name as configured; nothing need have it, or be active (VHT-53). */
  readonly vhost: string;
  readonly condition: LinkCondition;
}
