import type { LinkCondition } from "@basalt/config";

/** What came of asking an origin: the status of its response, or nothing. */
export type OriginAnswer = number | "failed";

/** VHT-51. */
export const meetsLinkCondition = (condition: LinkCondition, answer: OriginAnswer): boolean => {
  if (answer === "failed") return condition.includes("fail");
  const family = `${Math.trunc(answer / 100)}xx`;
  return condition.some((linked) => linked === answer || linked === family);
};
