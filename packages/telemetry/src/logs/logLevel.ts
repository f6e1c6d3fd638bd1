import type { ClientTransaction } from "../clientTransaction.ts";

/** AWS-91: the least grave transactions that a host logs; `INFO`: all of them. */
export type TransactionLevel = "INFO" | "WARNING" | "ERROR";

const RANKS: Readonly<Record<TransactionLevel, number>> = { INFO: 0, WARNING: 1, ERROR: 2 };

/** Transactions of this rank and of higher ones are logged. */
export const rankOf = (level: TransactionLevel): number => RANKS[level];

const rankOfStatus = (status: number): number => {
  if (status >= 500) return RANKS.ERROR;
  return status >= 400 ? RANKS.WARNING : RANKS.INFO;
};

/** A client that left before the end makes a warning of what would be none. */
export const rankOfTransaction = ({ status, isComplete }: Pick<ClientTransaction, "status" | "isComplete">): number =>
  Math.max(rankOfStatus(status), isComplete ? RANKS.INFO : RANKS.WARNING);

/** Of an exchange with an origin. */
export const rankOfExchange = (status: number, hasFailed: boolean): number =>
  hasFailed ? RANKS.ERROR : rankOfStatus(status);
