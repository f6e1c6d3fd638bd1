/** Emergency mode ends only below this share of the limit, so that it does not flap around it. */
const END_SHARE = 0.9;

/** Content memory of a worker or, summed, of the host. */
export interface MemoryUse {
  /** What it may use for content (OPT-60). */
  readonly limitBytes: number;
  /** Of that, what is in use and cannot be given to something else. */
  readonly pinnedBytes: number;
}

export interface EmergencyFacts extends MemoryUse {
  /** `<EmergencyMode>` (OPT-61). */
  readonly isOn: boolean;
  /** Whether it is in force. */
  readonly isActive: boolean;
}

export type EmergencyDecision =
  | { readonly kind: "keep" }
  | { readonly kind: "activate"; readonly overusedBytes: number }
  | { readonly kind: "inactivate" };

/** OPT-61: in force from the moment in which nothing can be reused until enough can. */
export const decideEmergency = ({ isOn, isActive, limitBytes, pinnedBytes }: EmergencyFacts): EmergencyDecision => {
  if (isActive) {
    const isShort = pinnedBytes > 0 && pinnedBytes >= limitBytes * END_SHARE;
    return isOn && isShort ? { kind: "keep" } : { kind: "inactivate" };
  }
  const overusedBytes = pinnedBytes - limitBytes;
  return isOn && overusedBytes > 0 ? { kind: "activate", overusedBytes } : { kind: "keep" };
};
