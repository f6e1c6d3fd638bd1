import { describe, expect, it } from "vitest";
import { mountsIn } from "../src/device/mountPoint.ts";

describe("mounts of the system", () => {
  it("FS-45 only ours at that path count, the topmost last", () => {
    const lines = [
      "22 1 0:20 / /cachefs rw shared:1 - ext4 /dev/sda rw",
      "23 1 0:21 / /cachefs rw,nosuid shared:1 - fuse basalt rw,user_id=0",
      "24 1 0:22 / /cachefs rw,nosuid - fuse basalt rw,user_id=0",
      "25 1 0:23 / /cachefs rw - fuse other rw",
      "26 1 0:24 / /with\\040blank rw - fuse basalt rw",
      "",
    ];
    expect(mountsIn(lines.join("\n"), "/cachefs").map(({ device }) => device)).toEqual(["0:21", "0:22"]);
    expect(mountsIn(lines.join("\n"), "/with blank").map(({ device }) => device)).toEqual(["0:24"]);
    expect(mountsIn("nonsense", "/cachefs")).toEqual([]);
  });
});
