import { describe, expect, it } from "vitest";
import { diffConfigs, recordsHeads } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, problemsOf, server, vhost, vhosts } from "./support.ts";

const DEFAULTS = accept({ "server.xml": "<Server/>" });
const { logs } = onlyVhost(DEFAULTS);
const { infoLog, denyLog, originErrorLog } = DEFAULTS.server.cache;

const DAILY = { enabled: true, type: "time", unit: [1440], retention: 10 };

describe("defaults of logs", () => {
  it.each([
    ["LOG-02", infoLog, { enabled: true, type: "size", unit: [1], retention: 5 }],
    ["LOG-03", denyLog, { enabled: true, type: "size", unit: [1], retention: 5 }],
    ["LOG-04 LOG-41", originErrorLog, { enabled: false, type: "size", unit: [5], retention: 5, warning: false }],
    ["LOG-05", logs.dns, { enabled: true, type: "size", unit: [10], retention: 10 }],
    ["LOG-06 LOG-52 LOG-53", logs.access, { ...DAILY, xff: "ON", form: "ston", local: false }],
    ["AWS-01", logs.accessExtra, { ...DAILY, enabled: false }],
    ["LOG-07 LOG-19", logs.origin, { ...DAILY, local: false }],
    ["LOG-08 LOG-146", logs.monitoring, { enabled: true, type: "size", unit: [10], retention: 10, form: "json" }],
    ["LOG-09", logs.fileSystem, DAILY],
    [
      "LOG-15 to LOG-18, AWS-89",
      logs.access,
      { compression: false, sysLog: false, ftp: [], receivers: [], retentionDays: 0 },
    ],
  ])("%s", (_, log, expected) => {
    expect(log).toMatchObject(expected);
  });

  it("LOG-21 the folder is log in the home folder", () => {
    expect(logs.dir).toBe("/opt/edge/log");
  });
});

describe("what is written of logs", () => {
  it("LOG-20 LOG-21 LOG-52 LOG-54 LOG-80 is read, words in any case", () => {
    const { logs: written } = acceptVhost(
      '<Log Dir="/cache_log"><Access Type="BOTH" Unit="1440, 100" Retention="3" RetentionDays="14" Compression="on" XFF="trimcip" Form="Custom" Local="On" Ftp="backup1, backup2">off</Access><AccessFormat>%a "%r"</AccessFormat><AccessExtra Form="elb" Name="lb">ON</AccessExtra></Log>',
    );
    expect(written).toMatchObject({
      dir: "/cache_log",
      accessFormat: '%a "%r"',
      access: {
        enabled: false,
        type: "both",
        unit: [1440, 100],
        retention: 3,
        retentionDays: 14,
        compression: true,
        xff: "TrimCIP",
        form: "custom",
        local: true,
        ftp: ["backup1", "backup2"],
      },
      accessExtra: { enabled: true, form: "elb", balancer: "lb" },
    });
  });

  it("AWS-16 AWS-91 level, whole heads and the form alb are read; nothing of it is on unless it is written", () => {
    expect(logs).toMatchObject({ level: "INFO", detail: { enabled: false, type: "size", unit: [100], mask: [] } });
    const { logs: written } = acceptVhost(
      '<Log Level="warning"><Access Form="ALB"/><Detail Mask="X-Own, x-other" Retention="2">ON</Detail></Log>',
    );
    expect(written).toMatchObject({
      level: "WARNING",
      access: { form: "alb" },
      detail: { enabled: true, mask: ["x-own", "x-other"], retention: 2 },
    });
    expect([recordsHeads(logs), recordsHeads(written)]).toEqual([false, true]);
  });

  it.each([
    ['<Log Level="DEBUG"/>', "Vhosts/Vhost/Log@Level"],
    ['<Log><Detail Mask="a b">ON</Detail></Log>', "Vhosts/Vhost/Log/Detail@Mask"],
    ['<Log><Detail Mask="a:b">ON</Detail></Log>', "Vhosts/Vhost/Log/Detail@Mask"],
    [`<Log><Detail Mask="${"a,".repeat(101)}">ON</Detail></Log>`, "Vhosts/Vhost/Log/Detail@Mask"],
  ])("AWS-91 %s is refused", (xml, element) => {
    const problems = problemsOf({ "vhosts.xml": vhosts(vhost(xml)) });
    expect(problems.map((problem) => problem.element)).toEqual([element]);
  });

  it("LOG-193 LOG-194 LOG-195 names receivers with the numbers of syslog", () => {
    const config = accept({
      "server.xml": server(
        '<Cache><OriginErrorLog SysLog="ON" Warning="ON">ON<SysLog Priority="local3.info" Dest="192.168.0.1:514"/><SysLog Priority="user.alert" Dest="log.example.com"/><SysLog Priority="mail.debug" Dest="[::1]:1514"/></OriginErrorLog></Cache>',
      ),
    });
    expect(config.server.cache.originErrorLog).toMatchObject({
      enabled: true,
      sysLog: true,
      warning: true,
      receivers: [
        { priority: 158, host: "192.168.0.1", port: 514 },
        { priority: 9, host: "log.example.com", port: 514 },
        { priority: 23, host: "::1", port: 1514 },
      ],
    });
  });

  it("is inherited leaf by leaf, and changes live", () => {
    const defaults = server('<VHostDefault><Log><Access Form="apache" Unit="10">ON</Access></Log></VHostDefault>');
    const before = accept({ "server.xml": defaults });
    const after = accept({
      "server.xml": defaults,
      "vhosts.xml": vhosts(vhost('<Log><Access XFF="OFF">OFF</Access></Log>')),
    });
    expect(onlyVhost(after).logs.access).toMatchObject({ enabled: false, form: "apache", unit: [10], xff: "OFF" });
    expect(diffConfigs(before, after).filter(({ element }) => element.includes("/Log/"))).toEqual([
      { element: "Vhost[www.example.com]/Log/Access", from: "ON", to: "OFF", effect: "live" },
      { element: "Vhost[www.example.com]/Log/Access@XFF", from: "ON", to: "OFF", effect: "live" },
    ]);
  });

  it.each([
    ['<Access Type="time" Unit="1441">ON</Access>', "once a day"],
    ['<Access Type="both" Unit="10">ON</Access>', "two numbers"],
    ['<Access Type="size" Unit="10, 20">ON</Access>', "one number"],
    ['<Access Unit="0">ON</Access>', "no such number"],
    ['<Access Unit="ten">ON</Access>', "no such number"],
    ['<Access Form="nginx">ON</Access>', "not one of the words"],
    ['<Dns SysLog="ON">ON<SysLog Priority="local3.info"/></Dns>', "no address"],
    ['<Dns SysLog="ON">ON<SysLog Priority="local9.info" Dest="a"/></Dns>', "no priority"],
    ['<Dns SysLog="ON">ON<SysLog Dest="a b"/></Dns>', "no address"],
  ])("LOG-12 LOG-13 refuses %s", (content, message) => {
    const problems = problemsOf({ "vhosts.xml": vhosts(vhost(`<Log>${content}</Log>`)) });
    expect(problems.map((problem) => problem.message).join("\n")).toContain(message);
    const inherited = problemsOf({ "server.xml": server(`<VHostDefault><Log>${content}</Log></VHostDefault>`) });
    expect(inherited).toHaveLength(problems.length);
  });
});
