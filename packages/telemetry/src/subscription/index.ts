export type { DeliveryReports, LogEvent } from "./contract.ts";
export type { DeliveryTerms, PostEvents } from "./delivery.ts";
export { type MatchLine, Subscription, type SubscriptionParts, type SubscriptionTerms } from "./subscription.ts";
