import { describe, expect, it } from "vitest";
import { accept, onlyVhost } from "./support.ts";

const FOLDER = "svc/www.example.com";
const CONDITION = "$IP[10.0.0.0/8] & !HEADER[referer] & /a*";

describe("conditions", () => {
  it("ACL-47 mean the same in acl.txt, bypass.txt, throttling.txt and headers.txt", () => {
    const { acl, bypass, throttling, headers } = onlyVhost(
      accept({
        [`${FOLDER}/acl.txt`]: `${CONDITION}, deny`,
        [`${FOLDER}/bypass.txt`]: `${CONDITION}, bypass`,
        [`${FOLDER}/throttling.txt`]: `${CONDITION}, 500`,
        [`${FOLDER}/headers.txt`]: `${CONDITION}, $REQ[X-A: b], set`,
      }),
    ).conditions;
    const terms = [acl, bypass, throttling, headers].map(([rule]) => rule?.condition.terms);
    expect(terms[0]).toHaveLength(3);
    for (const others of terms) expect(others).toEqual(terms[0]);
  });

  it("ACL-47 take $METHOD in headers.txt too", () => {
    const [rule] = onlyVhost(accept({ [`${FOLDER}/headers.txt`]: "$METHOD[POST], $REQ[X-A: b], set" })).conditions
      .headers;
    expect(rule?.condition.terms).toEqual([{ kind: "method", method: "POST", negated: false }]);
  });
});
