import type { AutoFormat } from "@basalt/config";

const WEIGHT = /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** Whether an `Accept` names the type by itself; `image/*` says nothing of what a client can show. */
const names = (accept: string, type: string): boolean =>
  accept.split(",").some((range) => {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (name !== type) return false;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    return weight === undefined || (WEIGHT.test(weight) && Number(weight.slice(2)) > 0);
  });

/** Those of the formats that the client takes, in the order of preference of the server. */
export const acceptedFormats = (formats: readonly AutoFormat[], accept: string): readonly AutoFormat[] =>
  formats.filter((format) => names(accept, `image/${format}`));
