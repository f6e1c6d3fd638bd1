/** A line that matched, as a receiver gets it (AWS-86). */
export interface LogEvent {
  /** Digits, always as many: each event has a greater one than the event before, also behind a restart (AWS-87). */
  readonly id: string;
  readonly timestamp: number;
  readonly message: string;
  readonly extractedFields?: Readonly<Record<string, string>>;
}

/** Up to where the files of a log have been read. */
export interface ReadingPosition {
  /** Name of the file, without `.gz`. */
  readonly file: string;
  /** Of the file while it is not compressed; 0 when it is. */
  readonly inode: number;
  /** Bytes of its content. */
  readonly offset: number;
}

/** What to tell operators, and what to count. */
export interface DeliveryReports {
  readonly onDelivered: (events: number) => void;
  readonly onDropped: (events: number) => void;
  readonly onFailedCall: () => void;
  readonly onProblem: (text: string) => void;
  readonly onNotice: (text: string) => void;
}
