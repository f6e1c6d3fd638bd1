/** Runs to a server that leaves service (AWS-27). */
export interface DrainingSettings {
  /** False: what runs may go on to its end, however long. */
  readonly enabled: boolean;
  readonly timeoutSeconds: number;
}

/**
 * How bypassed requests of one client stay with an origin server (AWS-29). `cookie`: by a cookie of this server's own.
 * `application`: by such a cookie too, which is given and counts only beside the cookie `name` of the application.
 */
export interface StickySettings {
  readonly mode: "OFF" | "cookie" | "application";
  readonly name: string;
  /** Of the own cookie; 0: until the browser ends. */
  readonly durationSeconds: number;
}

/** What is said to origins of the client's side of a request (AWS-36 to AWS-38). */
export interface ForwardedSettings {
  readonly xff: "append" | "preserve" | "remove";
  readonly proto: boolean;
  readonly port: boolean;
}

/** What an address says beside where it is (AWS-33). */
export interface AddressShare {
  /** Of the requests, against the weights of the others. */
  readonly weight: number;
  /** Countries, in capitals, whose clients it is for; empty: all. */
  readonly countries: readonly string[];
}
