import { describe, expect, it } from "vitest";
import { diffConfigs } from "../src/index.ts";
import { accept, acceptVhost, problemsOf, server, vhost, vhosts, warningsOf } from "./support.ts";

const mount = (attributes: string, value = "ON") =>
  server(`<Cache><FileSystem ${attributes}>${value}</FileSystem></Cache>`);

describe("the file system of the configuration", () => {
  it("FS-01, FS-02, FS-03, FS-04: nothing is mounted unless it is asked for", () => {
    expect(accept().server.cache.fileSystem).toEqual({
      enabled: false,
      path: "/cachefs",
      dotDir: false,
      separator: "^",
    });
  });

  it("FS-01, FS-02, FS-03, FS-04: reads the guide's example", () => {
    const files = { "server.xml": mount('Mount="/mnt/cache/" DotDir="ON" Separator="~"') };
    expect(warningsOf(files)).toEqual([]);
    expect(accept(files).server.cache.fileSystem).toEqual({
      enabled: true,
      path: "/mnt/cache",
      dotDir: true,
      separator: "~",
    });
  });

  it("FS-01: a change waits for the restart", () => {
    const [from, to] = [accept(), accept({ "server.xml": mount('Mount="/cachefs"') })];
    expect(diffConfigs(from, to).map(({ element, effect }) => [element, effect])).toContainEqual([
      "Server/Cache/FileSystem",
      "restart",
    ]);
  });

  it.each(["cachefs", "/", "/a/../b", ""])("FS-02: refuses the mount point %j", (path) => {
    expect(problemsOf({ "server.xml": mount(`Mount="${path}"`) })).toHaveLength(1);
  });

  it.each(["", "^^", "a", "0", "/", ".", "?", "%", "é"])("FS-04: refuses the separator %j", (text) => {
    expect(problemsOf({ "server.xml": mount(`Separator="${text}"`) })).toHaveLength(1);
  });

  it("FS-05, FS-06, FS-07, FS-08, FS-09, FS-11: defaults of a host", () => {
    expect(acceptVhost("").options.fileSystem).toEqual({
      status: "Inactive",
      dotDir: false,
      fileTime: "Origin",
      fileStatus: [200],
      dirStatus: [301, 302, 400, 401, 403],
      unlink: "Purge",
    });
  });

  it("FS-05, FS-06, FS-07, FS-08, FS-09, FS-11: words count without regard to case", () => {
    const content =
      '<Options><FileSystem Status="active" DotDir="ON"><FileTime>local</FileTime><FileStatus>200, 404</FileStatus>' +
      "<DirStatus>403</DirStatus><Unlink>hardpurge</Unlink></FileSystem></Options>";
    expect(warningsOf({ "vhosts.xml": vhosts(vhost(content)) })).toEqual([]);
    expect(acceptVhost(content).options.fileSystem).toEqual({
      status: "Active",
      dotDir: true,
      fileTime: "Local",
      fileStatus: [200, 404],
      dirStatus: [403],
      unlink: "HardPurge",
    });
  });
});
