import { describe, expect, it } from "vitest";
import { decideAccess, type ManagerSettings } from "../src/index.ts";
import { ACCESS_ROUTES } from "../src/routes/access.ts";
import { FakeControl } from "./scene.ts";

const ask = async (path: string, query: string, control: FakeControl) => {
  const route = ACCESS_ROUTES.find((candidate) => candidate.path === path);
  if (route === undefined) throw new Error(`no route ${path}`);
  const done = () => Promise.resolve();
  const log = { notice: () => {}, warning: () => {}, error: () => {}, reopen: done, flush: done, close: done };
  const settings = (): ManagerSettings => manager([]);
  const caller = { address: "socket", role: "Admin" } as const;
  return route.handle(
    { channel: "socket", caller, path, format: "json", query, body: "" },
    { control, log, productVersion: "1", routes: ACCESS_ROUTES, settings },
  );
};

const manager = (allow: ManagerSettings["allow"]): ManagerSettings => ({
  port: 10_040,
  httpMethod: true,
  role: "Admin",
  uploadMultipartName: "confile",
  allow,
});

describe("calls about access", () => {
  it("ACL-17 geoiplist is 404 without GeoIP and an empty list for an empty folder", async () => {
    const control = new FakeControl();
    expect(await ask("/monitoring/geoiplist", "", control)).toMatchObject({ httpStatus: 404, status: "Fail" });
    control.geoIp = { folder: "/usr/ston/geoip", files: [] };
    expect(await ask("/monitoring/geoiplist", "", control)).toMatchObject({
      httpStatus: 200,
      result: { path: "/usr/ston/geoip/", files: [] },
    });
    control.geoIp = { folder: "/g/", files: [{ file: "GeoIP.dat", sizeBytes: 766_255 }] };
    expect(await ask("/monitoring/geoiplist", "", control)).toMatchObject({
      result: { path: "/g/", files: [{ file: "GeoIP.dat", size: 766_255 }] },
    });
  });

  it("sign takes an hour unless told, and says why it refuses", async () => {
    const control = new FakeControl();
    expect(await ask("/control/sign", "url=http://a/b", control)).toMatchObject({ result: "http://a/b?token=t" });
    expect(control.asked.at(-1)).toBe("sign http://a/b 3600 undefined");
    expect(await ask("/control/sign", "url=&seconds=60", control)).toMatchObject({ httpStatus: 400 });
    expect(await ask("/control/sign", "url=a/b&seconds=x", control)).toMatchObject({ httpStatus: 400 });
  });

  it("ACL-05 the manager's list may name countries and IPv6 networks", () => {
    const settings = manager([
      { address: "KOR", role: "User" },
      { address: "2001:db8::/32", role: "Looker" },
    ]);
    const countryOf = (address: string) => (address === "1.1.1.1" ? "KR" : undefined);
    expect(decideAccess(settings, "::ffff:1.1.1.1", countryOf)).toEqual({ kind: "granted", role: "User" });
    expect(decideAccess(settings, "2001:db8::7", countryOf)).toEqual({ kind: "granted", role: "Looker" });
    expect(decideAccess(settings, "1.1.1.2", countryOf).kind).toBe("refused");
    expect(decideAccess(settings, "1.1.1.1").kind).toBe("refused");
  });
});
