import { describe, expect, it } from "vitest";
import { diffConfigs } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, problemsOf, server, vhost, vhosts } from "./support.ts";

const STATS =
  "<Stats><DirDepth>2</DirDepth><DirDepthAccum>ON</DirDepthAccum><HttpsTraffic>ON</HttpsTraffic><ClientLocal>ON</ClientLocal><OriginLocal>ON</OriginLocal></Stats>";

describe("<Stats>", () => {
  it("STAT-11 to STAT-15 has the defaults of the guide", () => {
    expect(acceptVhost("").stats).toEqual({
      dirDepth: 0,
      dirDepthAccum: false,
      httpsTraffic: false,
      detailedMetrics: true,
      clientLocal: false,
      originLocal: false,
    });
  });

  it("STAT-11 to STAT-15 is inherited from <VHostDefault>, leaf by leaf", () => {
    const files = {
      "server.xml": server(`<VHostDefault>${STATS}</VHostDefault>`),
      "vhosts.xml": vhosts(vhost("<Stats><DirDepth>1</DirDepth></Stats>")),
    };
    expect(onlyVhost(accept(files)).stats).toEqual({
      dirDepth: 1,
      dirDepthAccum: true,
      httpsTraffic: true,
      detailedMetrics: true,
      clientLocal: true,
      originLocal: true,
    });
  });
});

describe("<View>", () => {
  const VIEW = '<View Name="both"><Vhost>a.com</Vhost><Vhost>b.com</Vhost><Vhost>a.com</Vhost></View>';

  it("STAT-87 STAT-88 names its members once each, whether they exist or not", () => {
    const { views } = accept({ "vhosts.xml": vhosts(`${vhost("")}${VIEW}<View Name="none"/>`) });
    expect(views).toEqual([
      { name: "both", vhosts: ["a.com", "b.com"] },
      { name: "none", vhosts: [] },
    ]);
  });

  it("is live, and named when it changes", () => {
    const from = accept({ "vhosts.xml": vhosts(vhost("")) });
    const to = accept({ "vhosts.xml": vhosts(`${vhost("")}${VIEW}`) });
    expect(diffConfigs(from, to)).toEqual([
      { element: "Vhosts/View", from: "none", to: "both: a.com, b.com", effect: "live" },
    ]);
  });

  it("refuses what no view has", () => {
    expect(problemsOf({ "vhosts.xml": vhosts(`${vhost("")}<View Name="a"><Host>b</Host></View>`) })).not.toEqual([]);
  });
});
