import { fail, succeed } from "../answer.ts";
import { parametersOf } from "../query.ts";
import type { Route } from "../route.ts";

const MAX_CHARACTERS = 1024;

/** Secrets for the configuration files. */
export const PASSWORD_ROUTES: readonly Route[] = [
  {
    path: "/command/encryptpassword",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: "Encrypts a password for the configuration files: plain={password}",
    parameters: [{ name: "plain", doc: "The password.", isRequired: true, isSecret: true }],
    answers: { 400: "No password is given, or it is too long." },
    handle: async (call, { control }) => {
      const plain = parametersOf(call).get("plain") ?? "";
      if (plain === "" || plain.length > MAX_CHARACTERS) {
        return fail("encryptpassword", 400, `The parameter plain must have 1 to ${MAX_CHARACTERS} characters.`);
      }
      return succeed("encryptpassword", await control.encryptPassword(plain));
    },
  },
];
