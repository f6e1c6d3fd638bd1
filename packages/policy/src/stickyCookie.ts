import type { StickySettings } from "@basalt/config";

/** Behind the name of an application's cookie. */
const OWN_SUFFIX = "-edge";
const TOKEN = /^[\w-]{1,64}$/;

const ownNameOf = ({ mode, name }: StickySettings): string => (mode === "application" ? `${name}${OWN_SUFFIX}` : name);

const cookieNamed = (cookies: string | undefined, name: string): string | undefined => {
  for (const pair of cookies?.split(";") ?? []) {
    const text = pair.trim();
    if (text.startsWith(`${name}=`)) return text.slice(name.length + 1);
  }
  return undefined;
};

/** AWS-29: which server a client is to stay with, by its cookies; undefined: no matter. */
export const stickyTokenOf = (cookies: string | undefined, settings: StickySettings): string | undefined => {
  const { mode, name } = settings;
  if (mode === "OFF" || cookies === undefined) return undefined;
  if (mode === "application" && cookieNamed(cookies, name) === undefined) return undefined;
  const token = cookieNamed(cookies, ownNameOf(settings));
  return token !== undefined && TOKEN.test(token) ? token : undefined;
};

/** Attributes that say how long and where a cookie lives, as another cookie has them. */
const lifeOf = (setCookie: string): string =>
  setCookie
    .split(";")
    .slice(1)
    .map((attribute) => attribute.trim())
    .filter((attribute) => /^(?:max-age|expires|path|domain)=[\x20-\x7e]*$/i.test(attribute))
    .map((attribute) => `; ${attribute}`)
    .join("");

/**
 * Value of the Set-Cookie that keeps a client with the server that has answered; undefined where none is due: the
 * client has that cookie already, or there is no cookie of the application that it could go with. `answer`: fields of
 * the answer, flat.
 */
export const stickySetCookie = (
  settings: StickySettings,
  cookies: string | undefined,
  answer: readonly string[],
  token: string,
  isSecure: boolean,
): string | undefined => {
  const { mode, name, durationSeconds } = settings;
  if (mode === "OFF") return undefined;
  const safety = `; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  const own = ownNameOf(settings);
  const hasToken = cookieNamed(cookies, own) === token;
  if (mode === "cookie") {
    if (hasToken) return undefined;
    return `${own}=${token}; Path=/${durationSeconds === 0 ? "" : `; Max-Age=${durationSeconds}`}${safety}`;
  }
  const given = setCookieNamed(answer, name);
  if (given !== undefined) return `${own}=${token}${lifeOf(given)}${safety}`;
  const isInUse = cookieNamed(cookies, name) !== undefined && !hasToken;
  return isInUse ? `${own}=${token}; Path=/${safety}` : undefined;
};

const setCookieNamed = (answer: readonly string[], name: string): string | undefined => {
  for (let index = 0; index + 1 < answer.length; index += 2) {
    const value = answer[index + 1] ?? "";
    if (answer[index]?.toLowerCase() === "set-cookie" && value.trimStart().startsWith(`${name}=`)) return value;
  }
  return undefined;
};
