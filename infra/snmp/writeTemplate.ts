/** Writes the template file: `node --conditions=@basalt/source infra/snmp/writeTemplate.ts`. */
import { writeFile } from "node:fs/promises";
import { renderCactiTemplate } from "./cactiTemplate.ts";

await writeFile(new URL("cacti_host_template_basalt.xml", import.meta.url), renderCactiTemplate());
