/** The request that a line of the info log is about. */
export interface MarkedRequest {
  /** Of its connection, as in access and origin log. */
  readonly sessionText: string;
  /** Of its trace; absent where it has none. */
  readonly traceText?: string | undefined;
}

/**
 * AWS-90: the id of a request stands between the level and the text, `[ERROR] <session 7> text`, so that patterns find
 * it in one place. Lines about no request have none.
 */
export const markRequest = (text: string, request: MarkedRequest | undefined): string => {
  if (request === undefined) return text;
  const { sessionText, traceText } = request;
  return `<session ${sessionText}${traceText === undefined ? "" : ` trace ${traceText}`}> ${text}`;
};
