import { connect } from "node:net";
import { expect } from "vitest";
import { fetchAll } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

const isOpenAt = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, address);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

scenario(
  "CFG-31, CFG-60: reloads from one address to all of them and back cost no connection",
  { ownEdge: { serverXml: "<Listen>0.0.0.0</Listen>" } },
  async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    const { port, cluster, host } = edge;
    const { vhosts } = cluster.configuration;
    const onAll = vhosts.map((vhost) => ({ ...vhost, xml: `<Listen>*:${port}</Listen>` }));
    const session = await client();
    const failures: string[] = [];
    let goOn = true;
    const load = Array.from({ length: 2 }, async () => {
      while (goOn) {
        const [outcome] = await fetchAll(port, 1, { path: "/a", host });
        if (outcome?.kind !== "answer" || outcome.status !== 200) failures.push(JSON.stringify(outcome));
      }
    });
    expect(await isOpenAt("127.0.0.2", port)).toBe(false);
    expect((await cluster.reload({ vhosts: onAll })).status).toBe("OK");
    await expect.poll(() => isOpenAt("127.0.0.2", port), { timeout: 60_000 }).toBe(true);
    expect((await session.request({ path: "/a", host })).text).toBe("v1");
    expect((await cluster.reload({ vhosts })).status).toBe("OK");
    expect((await session.request({ path: "/a", host })).text).toBe("v1");
    await expect.poll(() => isOpenAt("127.0.0.2", port), { timeout: 60_000 }).toBe(false);
    await cluster.reload({ vhosts: onAll });
    await cluster.restart();
    goOn = false;
    await Promise.all(load);
    expect(failures).toEqual([]);
    expect(await isOpenAt("127.0.0.2", port)).toBe(true);
  },
);
