import { formatProblem, type Problem } from "@basalt/types";
import {
  type ConfigContext,
  type ConfigOutcome,
  type EdgeConfig,
  parseConfig,
  type VhostSettings,
} from "../src/index.ts";

export const CONTEXT: ConfigContext = { home: "/opt/edge", generation: 7, cores: 4, hostName: "edge-01" };

export const HELLO_SERVER = `
<Server>
    <Cache>
        <Storage>
            <Disk>/cache1/</Disk>
            <Disk>/cache2/</Disk>
        </Storage>
    </Cache>
</Server>`;

export const HELLO_VHOSTS = `
<Vhosts>
    <Vhost Name="www.example.com">
        <Origin>
            <Address>hello.winesoft.co.kr</Address>
        </Origin>
    </Vhost>
</Vhosts>`;

export type Files = Readonly<Record<string, string>>;

/** Parses with the hello world in place of a file that is not given. */
export const load = (files: Files = {}, context: Partial<ConfigContext> = {}): ConfigOutcome =>
  parseConfig(new Map(Object.entries({ "server.xml": HELLO_SERVER, "vhosts.xml": HELLO_VHOSTS, ...files })), {
    ...CONTEXT,
    ...context,
  });

export const accept = (files: Files = {}, context: Partial<ConfigContext> = {}): EdgeConfig => {
  const outcome = load(files, context);
  if (!outcome.ok) throw new Error(outcome.problems.map(formatProblem).join("\n"));
  return outcome.config;
};

export const warningsOf = (files: Files): readonly string[] => {
  const outcome = load(files);
  if (!outcome.ok) throw new Error(outcome.problems.map(formatProblem).join("\n"));
  return outcome.warnings.map(formatProblem);
};

export const problemsOf = (files: Files): readonly Problem[] => {
  const outcome = load(files);
  return outcome.ok ? [] : outcome.problems;
};

export const server = (content: string): string => `<Server>${content}</Server>`;

export const vhost = (content: string, attributes = 'Name="www.example.com"'): string =>
  `<Vhost ${attributes}><Origin><Address>10.0.0.1</Address></Origin>${content}</Vhost>`;

export const vhosts = (...content: readonly string[]): string => `<Vhosts>${content.join("\n")}</Vhosts>`;

export const onlyVhost = (config: EdgeConfig): VhostSettings => {
  const [first, ...rest] = config.vhosts;
  if (first === undefined || rest.length > 0) throw new Error(`there are ${config.vhosts.length} hosts`);
  return first;
};

export const acceptVhost = (content: string): VhostSettings =>
  onlyVhost(accept({ "vhosts.xml": vhosts(vhost(content)) }));
