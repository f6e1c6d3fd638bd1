import type { FtpClient } from "./contract.ts";
import { readTransfer } from "./options/ftpOptions.ts";
import type { Place, ProblemList } from "./problems.ts";
import { SERVER_FILE } from "./serverPlaces.ts";
import { suggest } from "./syntax/suggest.ts";
import { findChild, findChildren, type XmlElement } from "./xml/xmlElement.ts";

const PATH = "Server/Ftp";

const placeOf = ({ line, column }: XmlElement, element: string): Place => ({
  file: SERVER_FILE,
  line,
  column,
  element,
});

/** What shows only where the elements of an `<Ftp>`, or several of them, are seen together. */
export const checkFtpClients = (server: XmlElement, problems: ProblemList): void => {
  const lines = new Map<string, number>();
  for (const client of findChildren(server, "Ftp")) {
    const name = client.attributes.get("Name");
    const first = name === undefined ? undefined : lines.get(name);
    if (name === undefined) problems.error(placeOf(client, `${PATH}@Name`), "An <Ftp> has no name.", 'Name="{name}"');
    else if (first === undefined) lines.set(name, client.line);
    else {
      const message = `The name ${name} is taken by the <Ftp> on line ${first}.`;
      problems.error(placeOf(client, `${PATH}@Name`), message, "a unique name");
    }
    if (findChild(client, "Address") === undefined) {
      problems.error(
        placeOf(client, `${PATH}/Address`),
        "The <Ftp> has no server.",
        "<Address>{host}:{port}</Address>",
      );
    }
    const transfer = readTransfer(client);
    if (typeof transfer === "string") {
      problems.error(placeOf(findChild(client, "Transfer") ?? client, `${PATH}/Transfer`), transfer);
    }
  }
};

/** `logs` holds the elements of logs; a client that does not exist gets no files (LOG-18). */
export const warnUnknownClients = (
  file: string,
  logs: XmlElement | undefined,
  path: string,
  clients: readonly FtpClient[],
  problems: ProblemList,
): void => {
  for (const log of logs?.children ?? []) {
    for (const written of log.attributes.get("Ftp")?.split(",") ?? []) {
      const name = written.trim();
      if (name === "" || clients.some((client) => client.name === name)) continue;
      const near = suggest(
        name,
        clients.map((client) => client.name),
      );
      const hint = near === undefined ? "" : ` Did you mean ${near}?`;
      const { line, column } = log;
      const place = { file, line, column, element: `${path}/${log.name}@Ftp` };
      problems.warn(place, `There is no <Ftp> client ${name}.${hint}`, "the name of an <Ftp>");
    }
  }
};
