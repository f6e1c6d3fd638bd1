import { decideEmergency, type MemoryUse } from "@basalt/policy";
import { unreachable } from "@basalt/types";

const MEBIBYTE = 1024 * 1024;

/** OPT-68: what `Host.State` says. */
export type HostState = "Healthy" | "Emergency";

/** Emergency mode has begun or ended: workers are to be told, and the line is to be logged (OPT-69). */
export interface EmergencyChange {
  readonly isActive: boolean;
  readonly level: "warning" | "notice";
  readonly text: string;
}

/** Emergency mode of the host, in the primary: adds up the content memory that the workers report. */
export class EmergencyState {
  readonly #uses = new Map<number, MemoryUse>();
  #isOn: boolean;
  #isActive = false;

  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  get hostState(): HostState {
    return this.#isActive ? "Emergency" : "Healthy";
  }

  /** The host's content memory, as far as workers have told. */
  get use(): MemoryUse {
    let limitBytes = 0;
    let pinnedBytes = 0;
    for (const each of this.#uses.values()) {
      limitBytes += each.limitBytes;
      pinnedBytes += each.pinnedBytes;
    }
    return { limitBytes, pinnedBytes };
  }

  /** `<EmergencyMode>` after a reload. */
  setOn(isOn: boolean): EmergencyChange | undefined {
    this.#isOn = isOn;
    return this.#decide();
  }

  accept(workerId: number, use: MemoryUse): EmergencyChange | undefined {
    this.#uses.set(workerId, use);
    return this.#decide();
  }

  /** A worker is gone, and its memory with it. */
  forget(workerId: number): EmergencyChange | undefined {
    return this.#uses.delete(workerId) ? this.#decide() : undefined;
  }

  #decide(): EmergencyChange | undefined {
    const decision = decideEmergency({ isOn: this.#isOn, isActive: this.#isActive, ...this.use });
    switch (decision.kind) {
      case "keep":
        return undefined;
      case "activate": {
        this.#isActive = true;
        const overused = (decision.overusedBytes / MEBIBYTE).toFixed(2);
        return {
          isActive: true,
          level: "warning",
          text: `Emergency mode activated. (Memory overused: +${overused}MB)`,
        };
      }
      case "inactivate":
        this.#isActive = false;
        return { isActive: false, level: "notice", text: "Emergency mode inactivated." };
      default:
        return unreachable(decision);
    }
  }
}
