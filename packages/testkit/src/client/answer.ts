import { AssertionError } from "node:assert";
import type { RawResponse } from "./response.ts";

/** What the answer has to be: a text or bytes for the body, a pattern, or only the status. */
export type ExpectedBody = string | Buffer | RegExp;
/** Field values; undefined means that the field must be absent. */
export type ExpectedFields = Readonly<Record<string, string | RegExp | undefined>>;

const excerpt = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);

const mismatchOf = (
  response: RawResponse,
  status: number,
  body: ExpectedBody | undefined,
  fields: ExpectedFields,
): string | undefined => {
  if (response.status !== status) {
    return `status ${response.status}, expected ${status}; body ${excerpt(response.text)}`;
  }
  if (typeof body === "string" && response.text !== body)
    return `body ${excerpt(response.text)}, expected ${excerpt(body)}`;
  if (body instanceof RegExp && !body.test(response.text)) return `body ${excerpt(response.text)}, expected ${body}`;
  if (Buffer.isBuffer(body) && !response.body.equals(body)) {
    return `${response.body.length} bytes differ from the expected ${body.length}`;
  }
  for (const [name, wanted] of Object.entries(fields)) {
    const value = response.field(name);
    const agrees = wanted instanceof RegExp ? value !== undefined && wanted.test(value) : value === wanted;
    if (!agrees) return `field ${name} is ${value === undefined ? "absent" : excerpt(value)}, expected ${wanted}`;
  }
  return undefined;
};

export const expectResponse = (
  what: string,
  response: RawResponse,
  status: number,
  body?: ExpectedBody,
  fields: ExpectedFields = {},
): RawResponse => {
  const mismatch = mismatchOf(response, status, body, fields);
  if (mismatch !== undefined)
    throw new AssertionError({ message: `${what}: ${mismatch}`, stackStartFn: expectResponse });
  return response;
};

/** A request on its way: await it for the response, or say what the response has to be. */
export class PendingAnswer implements PromiseLike<RawResponse> {
  readonly #what: string;
  readonly #response: Promise<RawResponse>;

  constructor(what: string, response: Promise<RawResponse>) {
    this.#what = what;
    this.#response = response;
    response.catch(() => {});
  }

  // biome-ignore lint/suspicious/noThenProperty: being awaitable is the purpose of this class
  then<Kept = RawResponse, Caught = never>(
    onKept?: ((response: RawResponse) => Kept | PromiseLike<Kept>) | null,
    onFailed?: ((reason: unknown) => Caught | PromiseLike<Caught>) | null,
  ): Promise<Kept | Caught> {
    return this.#response.then(onKept, onFailed);
  }

  async expect(status: number, body?: ExpectedBody, fields?: ExpectedFields): Promise<RawResponse> {
    return expectResponse(this.#what, await this.#response, status, body, fields);
  }
}
