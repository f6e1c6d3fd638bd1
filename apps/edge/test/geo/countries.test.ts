import { mkdtemp, rename, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { writeGeoIpDat, writeMmdb } from "@basalt/testkit";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCountryDatabase } from "../../src/geo/countryDatabase.ts";
import { CountryFolder } from "../../src/geo/countryFolder.ts";

const NETWORKS = {
  "1.1.1.0/24": "KR",
  "1.1.2.0/24": "JP",
  "2.0.0.0/8": "continent:AS",
  "3.0.0.0/8": "continent:EU",
  "4.0.0.0/8": "continent:NA",
  "2001:db8::/32": "DE",
};

describe("MaxMind DB files", () => {
  it.each([
    ["1.1.1.77", "KR"],
    ["::ffff:1.1.1.77", "KR"],
    ["1.1.2.1", "JP"],
    ["2.3.4.5", "AP"],
    ["3.3.4.5", "EU"],
    ["4.3.4.5", undefined],
    ["9.9.9.9", undefined],
    ["2001:db8::5", "DE"],
    ["2001:db9::5", undefined],
  ])("ACL-05 ACL-16 %s is of %s", (address, country) => {
    const plain = address.replace("::ffff:", "");
    expect(openCountryDatabase("a.mmdb", writeMmdb(NETWORKS)).countryOf(plain)).toBe(country);
  });
});

describe("GeoIP files of old", () => {
  // Numbers of the format's own table.
  const numbered = { "1.1.1.0/24": 119, "1.1.2.0/24": 111, "2.0.0.0/8": 1, "5.0.0.0/8": 85, "6.0.0.0/7": 225 };

  it.each(["oldest", "country", "city"] as const)("ACL-05 ACL-16 the %s edition knows its countries", (edition) => {
    const database = openCountryDatabase("GeoIP.dat", writeGeoIpDat(numbered, edition));
    const found = ["1.1.1.255", "1.1.2.0", "2.9.9.9", "5.1.1.1", "7.255.1.1", "1.1.3.1", "8.8.8.8", "2001:db8::1"];
    expect(found.map((address) => database.countryOf(address))).toEqual([
      "KR",
      "JP",
      "AP",
      "GN",
      "US",
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("one that names no countries is refused", () => {
    const bytes = writeGeoIpDat(numbered);
    bytes[bytes.length - 1] = 9;
    expect(() => openCountryDatabase("GeoIPASNum.dat", bytes)).toThrow("names no countries");
  });
});

describe("hostile files", () => {
  it("are refused, or answer something, and never run on", () => {
    const good = [
      writeMmdb(NETWORKS),
      writeGeoIpDat({ "1.1.1.0/24": 119 }),
      writeGeoIpDat({ "1.1.1.0/24": 1 }, "city"),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom("a.mmdb", "a.dat"),
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.nat(),
        (name, source, damages, cut) => {
          const bytes = Buffer.from(source.subarray(0, cut % 3 === 0 ? cut % source.length : source.length));
          for (const [place, value] of damages) if (bytes.length > 0) bytes[place % bytes.length] = value;
          try {
            const database = openCountryDatabase(name, bytes);
            for (const address of ["1.1.1.1", "9.9.9.9", "2001:db8::1"]) database.countryOf(address);
          } catch (cause) {
            expect(cause).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it.each(["", "x", "not a database at all, but long enough to be one ....................."])(
    "%j is no database",
    (text) => {
      expect(() => openCountryDatabase("a.mmdb", Buffer.from(text))).toThrow();
    },
  );
});

describe("the folder", () => {
  let folder: string;
  let countries: CountryFolder;
  const told: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "basalt-geo-"));
    told.length = 0;
    const tell = (text: string): void => void told.push(text);
    countries = new CountryFolder({ notice: tell, warning: tell, everyMs: 10 });
  });
  afterEach(async () => {
    countries.close();
    await rm(folder, { recursive: true, force: true });
  });

  const put = async (name: string, bytes: Buffer | string): Promise<void> => {
    await writeFile(join(folder, `${name}.new`), bytes);
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  const until = async (isDone: () => boolean): Promise<void> => {
    for (const limit = Date.now() + 20_000; !isDone(); await pause(5)) {
      if (Date.now() > limit) throw new Error(`not so in time: ${told.join("; ")}`);
    }
  };

  it("ACL-16 is read at once; a file that is replaced takes effect by itself", async () => {
    await put("GeoLite2-Country.mmdb", writeMmdb({ "1.1.1.0/24": "KR" }));
    countries.setFolder(folder);
    expect(countries.countryOf("1.1.1.1")).toBe("KR");
    await put("GeoLite2-Country.mmdb", writeMmdb({ "1.1.1.0/24": "JP" }, 1_700_000_001));
    await until(() => countries.countryOf("1.1.1.1") === "JP");
  });

  it("ACL-16 a broken file leaves the last one in service and is told of once", async () => {
    await put("a.mmdb", writeMmdb({ "1.1.1.0/24": "KR" }));
    countries.setFolder(folder);
    await put("a.mmdb", writeMmdb({ "1.1.1.0/24": "JP" }).subarray(0, 500));
    await until(() => told.some((text) => text.includes("cannot be used")));
    await pause(50);
    expect(countries.countryOf("1.1.1.1")).toBe("KR");
    expect(told.filter((text) => text.includes("cannot be used"))).toEqual([
      expect.stringContaining("the GeoIP database a.mmdb cannot be used: has no metadata"),
    ]);
    expect(told.at(-1)).toContain("the last one stays in service");
    await put("a.mmdb", writeMmdb({ "1.1.1.0/24": "US" }));
    await until(() => countries.countryOf("1.1.1.1") === "US");
  });

  it("ACL-16 new files come, files that are removed go", async () => {
    countries.setFolder(folder);
    expect(countries.countryOf("1.1.1.1")).toBeUndefined();
    await put("GeoIP.dat", writeGeoIpDat({ "1.1.1.0/24": 119 }));
    await until(() => countries.countryOf("1.1.1.1") === "KR");
    await put("z.mmdb", writeMmdb({ "1.1.1.0/24": "JP" }));
    await until(() => countries.countryOf("1.1.1.1") === "JP");
    await unlink(join(folder, "z.mmdb"));
    await until(() => countries.countryOf("1.1.1.1") === "KR");
    countries.setFolder("");
    expect(countries.countryOf("1.1.1.1")).toBeUndefined();
  });

  it("ACL-17 lists the files of databases with their sizes", async () => {
    const bytes = writeGeoIpDat({ "1.1.1.0/24": 119 });
    await put("GeoIP.dat", bytes);
    await put("README.txt", "x");
    countries.setFolder(folder);
    expect(await countries.list()).toEqual([{ file: "GeoIP.dat", sizeBytes: bytes.length }]);
  });

  it("ACL-16 a folder that is not there is told of, and read when it comes", async () => {
    countries.setFolder(join(folder, "later"));
    expect(told).toEqual([expect.stringContaining("cannot be read")]);
    expect(await countries.list()).toEqual([]);
    expect(countries.countryOf("1.1.1.1")).toBeUndefined();
  });
});
