import type { Answer } from "./answer.ts";
import type { RouteParameter } from "./route.ts";

export const CONFIRMATION_KEY = "JUSTDOIT";

export const CONFIRMATION: RouteParameter = {
  name: "key",
  doc: `${CONFIRMATION_KEY} acts at once; without it the answer is a page that asks for confirmation.`,
};

export const isConfirmed = (parameters: URLSearchParams): boolean => parameters.get("key") === CONFIRMATION_KEY;

/** The page of CFG-25; `path` and `question` are our own words, never a caller's. */
export const confirmationPage = (path: string, query: string, question: string): Answer => ({
  kind: "text",
  httpStatus: 200,
  hasChangedNothing: true,
  contentType: "text/html; charset=utf-8",
  text: `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Please confirm</title></head>
<body>
<p>${question}</p>
<p><a href="${path}?${query}key=${CONFIRMATION_KEY}">Yes, do it now</a></p>
</body>
</html>
`,
});
