import { expect } from "vitest";
import { scenario } from "../../src/scenario/index.ts";

const at = (value: unknown, ...keys: readonly (string | number)[]): unknown =>
  keys.reduce<unknown>(
    (found, key) => (typeof found === "object" && found !== null ? Reflect.get(found, key) : undefined),
    value,
  );

scenario("CFG-24, STAT-07: the monitoring calls tell of the machine and of what the cache takes", async (scene) => {
  const { origin, edge } = scene;
  origin.on("/a").reply(200, { "Content-Type": "text/plain" }, "0123456789");
  await edge.get("/a").expect(200);
  await edge.stored("/a");

  const hardware = await edge.cluster.apiJson("/monitoring/hwinfo");
  expect(hardware).toMatchObject({ httpStatus: 200, method: "hwinfo", status: "OK" });
  expect(Object.keys(Object(hardware.result))).toEqual(["OS", "STON", "CPU", "Memory", "NIC", "Disk"]);
  expect(at(hardware.result, "OS")).toMatch(/^Linux version /);
  expect(Number(at(hardware.result, "CPU", "ProcCount"))).toBeGreaterThan(0);

  const processors = await edge.cluster.apiJson("/monitoring/cpuinfo.json");
  expect(String(at(processors.result, "ProcCount"))).toBe(at(hardware.result, "CPU", "ProcCount"));

  const resource = await edge.cluster.apiJson("/monitoring/cacheresource");
  expect(Number(at(resource.result, "Memory", "Total"))).toBeGreaterThan(1e8);
  expect(at(resource.result, "Disk", 0, "Status")).toBe("Normal");
  expect(Number(at(resource.result, "FileTotal"))).toBeGreaterThan(0);

  const cold = await edge.cluster.apiJson(`/monitoring/coldfiledist?vhost=${edge.host}`);
  expect(cold.result).toMatchObject({ FileTotal: 1, SizeTotal: 10 });
  expect(at(cold.result, "Distribution", 0)).toEqual({ Age: "1h", Count: 1, Size: 10 });

  const [file] = await edge.fileInfo("/a");
  expect(Object.keys(file ?? {})).toHaveLength(33);
  expect(file).toMatchObject({ "Disk-Index": 0, Size: 10, State: "Cached", SmallFile: "Y" });
  expect(file?.LocalPath).toMatch(/^\/.*\/seg\/[0-9a-f]{2}\/\d+\.seg$/);

  const xml = await edge.cluster.api(`/monitoring/fileinfo.xml?url=${edge.host}/a`);
  expect(xml.contentType).toBe("text/xml; charset=utf-8");
  expect(xml.text).toContain("<Size>10</Size>");
  expect(await edge.cluster.apiJson("/monitoring/clusterlist")).toMatchObject({ status: "Fail", result: {} });
});

scenario("metrics tell of the machine, and all processes of the instance", async ({ edge }) => {
  const { text } = await edge.cluster.api("/metrics");
  const value = (name: string): number => Number(new RegExp(`^basalt_${name} (\\S+)$`, "m").exec(text)?.[1]);
  expect(value("system_memory_total_bytes")).toBeGreaterThan(value("system_memory_available_bytes"));
  expect(value('system_cpu_seconds_total\\{mode="user"\\}')).toBeGreaterThan(0);
  expect(value('system_load\\{minutes="1"\\}')).toBeGreaterThanOrEqual(0);
});
