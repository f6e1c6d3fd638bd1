import { HOST, type TestClient, TestEdge } from "../support/edge.ts";
import { turns, until } from "../support/waiting.ts";

export interface Throttling {
  /** Lines of throttling.txt. */
  readonly lines?: string;
  /** Content of `<Settings>`. */
  readonly settings?: string;
  readonly queryString?: boolean;
  /** Further elements of `<Options>`. */
  readonly options?: string;
  /** Content of `<Media>`. */
  readonly media?: string;
}

const vhostWith = ({ settings = "", queryString = false, options = "", media = "" }: Throttling): string =>
  `<Media>${media}</Media><Options>${options}<BandwidthThrottling><Settings>${settings}</Settings>
    <Throttling QueryString="${queryString ? "ON" : "OFF"}">ON</Throttling></BandwidthThrottling></Options>`;

/** A worker whose responses are slowed down, in time that the test tells. */
export class ThrottledEdge extends TestEdge {
  constructor(throttling: Throttling) {
    super({
      vhost: vhostWith(throttling),
      files: { [`svc/${HOST}/throttling.txt`]: throttling.lines ?? "" },
    });
  }

  /** Time passes in small steps, and what is read meanwhile arrives. */
  async paceMs(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 20) {
      this.clock.advanceSeconds(Math.min(20, ms - passed) / 1000);
      this.server.pacer.tick();
      await turns(2);
    }
    this.server.sweep();
  }

  /** Has an object stored; its response is not waited for. */
  async storeSlowly(path: string, body: Buffer): Promise<void> {
    const client = this.connect().get(path);
    const count = this.origin.calls.length + 1;
    (await this.origin.call(count)).reply(200, body);
    await until(() => this.index.findVariants(HOST, path).length > 0, `${path} stored`);
    client.socket.destroy();
    await turns(2);
    this.logged.length = 0;
  }
}

/** What a client has got of the body of the last response. */
export const bodyBytesOf = ({ socket }: TestClient): number => {
  const { received } = socket;
  const end = received.lastIndexOf("\r\n\r\n");
  return end < 0 ? 0 : received.length - end - 4;
};
