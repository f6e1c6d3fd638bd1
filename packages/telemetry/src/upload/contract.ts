/** When a client sends what is waiting; times are local. */
export type TransferTimes =
  | { readonly kind: "rotate" }
  /** Minutes after midnight. */
  | { readonly kind: "daily"; readonly minute: number }
  /** At multiples of so many hours, counted from midnight. */
  | { readonly kind: "hourly"; readonly hours: number };

/** How a file gets to an FTP server. */
export interface FtpAccess {
  readonly mode: "Passive" | "Active";
  readonly host: string;
  readonly port: number;
  /** Empty: anonymous. */
  readonly user: string;
  readonly password: string;
  /** Connection and login. */
  readonly connectTimeoutSeconds: number;
  /** From then to the end. */
  readonly transferTimeoutSeconds: number;
  /** In 1024 bytes a second; 0: without limit. */
  readonly trafficCapKilobytes: number;
}

/** A client that uploads rotated logs. */
export interface UploadClient extends FtpAccess {
  readonly name: string;
  readonly deleteUploaded: boolean;
  /** A file that failed is kept aside and never sent again; else it is tried again. */
  readonly backupOnFail: boolean;
  /** Empty: `/{virtual host}/{file name}`. */
  readonly uploadPath: string;
  readonly transfer: TransferTimes;
}

/** A rotated file, with what a path is made of. */
export interface UploadFile {
  readonly path: string;
  /** Beginning of its name. */
  readonly kind: string;
  /** Empty for a log of the whole server. */
  readonly vhost: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** One file for one client. */
export interface UploadJob extends UploadFile {
  readonly client: string;
  readonly queuedMs: number;
  /** A client that deletes what it has sent has sent it: it goes when no other one waits for it. */
  isUnwanted: boolean;
}

export interface UploadRequest {
  readonly access: FtpAccess;
  readonly localPath: string;
  readonly remotePath: string;
}

export type UploadOutcome =
  | { readonly kind: "sent"; readonly bytes: number; readonly tookMs: number }
  /** There is no such file any more. */
  | { readonly kind: "missing" }
  | {
      readonly kind: "failed";
      /** `server`: it could not be reached or refused the user, as it would for any file. */
      readonly at: "server" | "file";
      /** Of the file. */
      readonly bytes: number;
      readonly tookMs: number;
      readonly message: string;
    };
