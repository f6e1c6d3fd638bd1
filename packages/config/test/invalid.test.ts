import { describe, expect, it } from "vitest";
import { load, problemsOf, server, vhost, vhosts } from "./support.ts";

type Case = readonly [what: string, content: string, line: number, element: string, message: string];

const inCache = (content: string): string => server(`\n<Cache>\n${content}</Cache>`);
const inOptions = (content: string): string => server(`<VHostDefault><Options>\n${content}</Options></VHostDefault>`);
const inOrigin = (content: string): string =>
  server(`<VHostDefault><OriginOptions>\n${content}</OriginOptions></VHostDefault>`);
const addressed = (address: string): string =>
  vhosts(`<Vhost Name="a"><Origin>\n<Address>${address}</Address></Origin></Vhost>`);

const OPTIONS = "Server/VHostDefault/Options";
const ORIGIN = "Server/VHostDefault/OriginOptions";

const SERVER_CASES: readonly Case[] = [
  ["an empty file", "  \n", 0, "", "The file is empty."],
  ["text that is not XML", "hello", 1, "", "Non-whitespace before first tag."],
  ["a tag that is not closed", "<Server>\n<Cache>", 2, "", "Unclosed root tag."],
  ["tags that cross", "<Server>\n<Cache></Server>", 2, "", "Unexpected close tag."],
  ["an attribute without quotes", "<Server>\n<Cache a=1/></Server>", 2, "", "Unquoted attribute value."],
  ["an entity that is not defined", "<Server>\n<Cache>&x;</Cache></Server>", 2, "", "Invalid character entity."],
  [
    "a document type",
    '<!DOCTYPE a [<!ENTITY b "c">]>\n<Server/>',
    1,
    "",
    "A document type (<!DOCTYPE>) is not allowed.",
  ],
  [
    "another encoding",
    '<?xml version="1.0" encoding="euc-kr"?><Server/>',
    1,
    "",
    "The encoding is euc-kr, but only UTF-8 is read.",
  ],
  ["two root elements", "<Server/>\n<Server/>", 2, "", "There is more than one root element."],
  ["text behind the root", "<Server/>\nrest", 2, "", "Text data outside of root node."],
  [
    "an attribute given twice",
    '<Server>\n <Host A="1" A="2"/></Server>',
    2,
    "",
    "<Host> has the same attribute twice.",
  ],
  ["elements nested without end", "<Server>".repeat(100), 1, "", "Elements lie deeper than 64 levels."],
  ["another root element", "<Vhosts/>", 1, "Vhosts", "The root element is <Vhosts>."],
  [
    "an unknown element with a near name",
    inCache("  <Storge/>"),
    3,
    "Server/Cache/Storge",
    "There is no element <Storge> in <Cache>. Did you mean <Storage>?",
  ],
  [
    "a name in the wrong case",
    inCache("<listen>1.1.1.1</listen>"),
    3,
    "Server/Cache/listen",
    "There is no element <listen> in <Cache>. Did you mean <Listen>?",
  ],
  [
    "an element in the wrong place",
    server("\n<AgeHeader>ON</AgeHeader>"),
    2,
    "Server/AgeHeader",
    "There is no element <AgeHeader> in <Server>. It belongs in Server/VHostDefault/Options.",
  ],
  [
    "an element nobody knows",
    server("\n<Zyzzyva/>"),
    2,
    "Server/Zyzzyva",
    "There is no element <Zyzzyva> in <Server>.",
  ],
  [
    "an unknown attribute",
    inCache('<Storage DiskFailSecs="1"/>'),
    3,
    "Server/Cache/Storage@DiskFailSecs",
    "<Storage> has no attribute DiskFailSecs. Did you mean DiskFailSec?",
  ],
  [
    "an attribute where there is none",
    inCache('<Workers Max="1">1</Workers>'),
    3,
    "Server/Cache/Workers@Max",
    "<Workers> has no attribute Max.",
  ],
  [
    "an element given twice",
    inCache("<Purge>Hard</Purge>\n<Purge>Hard</Purge>"),
    4,
    "Server/Cache/Purge",
    "<Purge> stands twice; the first is on line 3.",
  ],
  ["text between elements", inCache("<Storage>disk</Storage>"), 3, "Server/Cache/Storage", "<Storage> takes no text."],
  ["an element without value", inCache("<Workers/>"), 3, "Server/Cache/Workers", "<Workers> is empty."],
  ["a list entry without value", inCache("<Listen></Listen>"), 3, "Server/Cache/Listen", "<Listen> is empty."],
  [
    "CFG-39 a disk given twice",
    inCache("<Storage><Disk>/a</Disk>\n<Disk>/a/</Disk></Storage>"),
    4,
    "Server/Cache/Storage/Disk",
    "The folder /a/ stands on line 3 already.",
  ],
  [
    "CFG-40 a quota of zero",
    inCache('<Storage><Disk Quota="0">/a</Disk></Storage>'),
    3,
    "Server/Cache/Storage/Disk@Quota",
    '"0" is below 1.',
  ],
  [
    "CFG-40 a quota with a unit",
    inCache('<Storage><Disk Quota="5GB">/a</Disk></Storage>'),
    3,
    "Server/Cache/Storage/Disk@Quota",
    '"5GB" is not a whole number.',
  ],
  [
    "CFG-43 another word",
    inCache('<Storage OnCrash="explode"/>'),
    3,
    "Server/Cache/Storage@OnCrash",
    '"explode" is not one of the words.',
  ],
  [
    "CFG-45 more than all memory",
    inCache("<SystemMemoryRatio>101</SystemMemoryRatio>"),
    3,
    "Server/Cache/SystemMemoryRatio",
    '"101" is above 100.',
  ],
  [
    "CFG-50 a name as listen address",
    inCache("<Listen>localhost</Listen>"),
    3,
    "Server/Cache/Listen",
    '"localhost" is not an IP address.',
  ],
  [
    "a negative number of workers",
    inCache("<Workers>-1</Workers>"),
    3,
    "Server/Cache/Workers",
    '"-1" is not a whole number.',
  ],
  ["too many workers", inCache("<Workers>1025</Workers>"), 3, "Server/Cache/Workers", '"1025" is above 1024.'],
  [
    "a limit of zero fields",
    inCache("<ClientLimits>\n<FieldCount>0</FieldCount></ClientLimits>"),
    4,
    "Server/Cache/ClientLimits/FieldCount",
    '"0" is below 1.',
  ],
  [
    "CFG-35 a port out of range",
    server('\n<Host>\n<Manager Port="70000"/></Host>'),
    3,
    "Server/Host/Manager@Port",
    '"70000" is above 65535.',
  ],
  [
    "CFG-36 an unknown role",
    server('<Host><Manager>\n<Allow Role="root">1.1.1.1</Allow></Manager></Host>'),
    2,
    "Server/Host/Manager/Allow@Role",
    '"root" is not one of the words.',
  ],
  [
    "CFG-32 CFG-64 an address that is none",
    server("<Host><Manager>\n<Allow>1.1.1.300</Allow></Manager></Host>"),
    2,
    "Server/Host/Manager/Allow",
    '"1.1.1.300" is none of the four forms of an address.',
  ],
  [
    "an unknown switch",
    inOptions("<AgeHeader>YES</AgeHeader>"),
    2,
    `${OPTIONS}/AgeHeader`,
    '"YES" is neither ON nor OFF.',
  ],
  [
    "CFG-71 OPT-57 a malformed time expression",
    inOptions("<TTL>\n<Res2xx>5 parsecs</Res2xx></TTL>"),
    3,
    `${OPTIONS}/TTL/Res2xx`,
    '"5 parsecs" is not a time expression.',
  ],
  [
    "OPT-58 a time expression as ratio",
    inOptions('<TTL><Res2xx Ratio="1min">5</Res2xx></TTL>'),
    2,
    `${OPTIONS}/TTL/Res2xx@Ratio`,
    '"1min" is not a whole number.',
  ],
  [
    "TTL-22 an unknown source",
    inOptions('<TTL Priority="custom, expires"/>'),
    2,
    `${OPTIONS}/TTL@Priority`,
    '"expires" is not one of the words.',
  ],
  [
    "TTL-22 a source given twice",
    inOptions('<TTL Priority="custom, custom"/>'),
    2,
    `${OPTIONS}/TTL@Priority`,
    '"custom" stands twice in the list.',
  ],
  [
    "TTL-25 a status that is none",
    inOptions("<UnvalidatableObjectResCode>42</UnvalidatableObjectResCode>"),
    2,
    `${OPTIONS}/UnvalidatableObjectResCode`,
    '"42" is below 200.',
  ],
  [
    "CMP-04 a level out of range",
    inOptions('<Compression Level="10">ON</Compression>'),
    2,
    `${OPTIONS}/Compression@Level`,
    '"10" is above 9.',
  ],
  [
    "CMP-05 a range upside down",
    inOptions('<Compression SourceSize="9-2">ON</Compression>'),
    2,
    `${OPTIONS}/Compression@SourceSize`,
    '"9-2" is not a range.',
  ],
  [
    "ORG-06 a probe without path",
    inOrigin('<Recovery Uri="alive">5</Recovery>'),
    2,
    `${ORIGIN}/Recovery@Uri`,
    '"alive" is not such a path.',
  ],
  [
    "ORG-07 a list of words",
    inOrigin('<Recovery ResCode="200, ok">5</Recovery>'),
    2,
    `${ORIGIN}/Recovery@ResCode`,
    '"ok" is not a whole number.',
  ],
  [
    "ORG-42 a Host that would inject a line",
    inOrigin("<Host>a.com&#13;&#10;X: y</Host>"),
    2,
    `${ORIGIN}/Host`,
    '"a.com\\r\\nX: y" holds other characters.',
  ],
  [
    "ORG-43 a User-Agent outside ASCII",
    inOrigin("<UserAgent>ｘ</UserAgent>"),
    2,
    `${ORIGIN}/UserAgent`,
    '"ｘ" holds other characters.',
  ],
];

const VHOSTS_CASES: readonly Case[] = [
  [
    "CFG-54 no name",
    vhosts("\n<Vhost><Origin><Address>1.1.1.1</Address></Origin></Vhost>"),
    2,
    "Vhosts/Vhost@Name",
    "A <Vhost> has no name.",
  ],
  ["CFG-54 an empty name", vhosts(vhost("", 'Name=" "')), 1, "Vhosts/Vhost@Name", "The name is empty."],
  ["CFG-54 white space in a name", vhosts(vhost("", 'Name="a b"')), 1, "Vhosts/Vhost@Name", '"a b" cannot be a name.'],
  [
    "CFG-54 a name that leaves its folder",
    vhosts(vhost("", 'Name="../../etc"')),
    1,
    "Vhosts/Vhost@Name",
    '"../../etc" cannot be a name.',
  ],
  [
    "CFG-54 a name that is the folder above",
    vhosts(vhost("", 'Name=".."')),
    1,
    "Vhosts/Vhost@Name",
    '".." cannot be a name.',
  ],
  [
    "CFG-54 a name given twice, case aside",
    vhosts(vhost("", 'Name="a.com"'), vhost("", 'Name="A.com"')),
    2,
    "Vhosts/Vhost@Name",
    "The name A.com is taken by the <Vhost> on line 1; case does not count.",
  ],
  [
    "CFG-55 an unknown status",
    vhosts(vhost("", 'Name="a" Status="Off"')),
    1,
    "Vhosts/Vhost@Status",
    '"Off" is not a status.',
  ],
  [
    "CFG-57 a star in the middle of an alias",
    vhosts(vhost("\n<Alias>a.*.com</Alias>")),
    2,
    "Vhosts/Vhost/Alias",
    '"a.*.com" cannot be an alias.',
  ],
  [
    "CFG-59 a default nobody has",
    vhosts("\n<Default>www.exmple.com</Default>", vhost("")),
    2,
    "Vhosts/Default",
    "There is no virtual host www.exmple.com. Did you mean www.example.com?",
  ],
  [
    "CFG-59 a default in another case",
    vhosts("<Default>WWW.example.com</Default>", vhost("")),
    1,
    "Vhosts/Default",
    "There is no virtual host WWW.example.com. Did you mean www.example.com?",
  ],
  [
    "CFG-60 a listen address without port",
    vhosts(vhost("\n<Listen>1.1.1.1</Listen>")),
    2,
    "Vhosts/Vhost/Listen",
    '"1.1.1.1" is no listen address.',
  ],
  [
    "CFG-60 a listen port out of range",
    vhosts(vhost("\n<Listen>*:0</Listen>")),
    2,
    "Vhosts/Vhost/Listen",
    '"*:0" is no listen address.',
  ],
  [
    "CFG-60 OFF beside an address",
    vhosts(vhost("\n<Listen>OFF</Listen><Listen>*:80</Listen>")),
    2,
    "Vhosts/Vhost/Listen",
    "OFF stands beside other <Listen>.",
  ],
  [
    "CFG-11 no origin server",
    vhosts('\n<Vhost Name="a"/>'),
    2,
    "Vhosts/Vhost/Origin/Address",
    "The virtual host a has no origin server.",
  ],
  [
    "CFG-11 only standby servers",
    vhosts('<Vhost Name="a">\n<Origin><Address2>1.1.1.1</Address2></Origin></Vhost>'),
    2,
    "Vhosts/Vhost/Origin/Address",
    "The virtual host a has no origin server.",
  ],
  [
    "CFG-11 a scheme",
    addressed("http://a.com"),
    2,
    "Vhosts/Vhost/Origin/Address",
    '"http://a.com" holds a scheme other than https://; host, port and path are written without one.',
  ],
  [
    "ORG-23 a TTL that is no time",
    vhosts(vhost("\n<OriginOptions><DnsMaxTTL>long</DnsMaxTTL></OriginOptions>")),
    2,
    "Vhosts/Vhost/OriginOptions/DnsMaxTTL",
    '"long" is not a time expression.',
  ],
  [
    "ORG-41 an expression that no parenthesis closes",
    vhosts(
      vhost("\n<OriginOptions><URLRewrite><Pattern>/(a</Pattern><Replace>/b</Replace></URLRewrite></OriginOptions>"),
    ),
    2,
    "Vhosts/Vhost/OriginOptions/URLRewrite/Pattern",
    '"/(a" cannot be used: a parenthesis is not closed.',
  ],
  [
    "ORG-41 an expression that needs backtracking",
    vhosts(
      vhost("\n<OriginOptions><URLRewrite><Pattern>(a)\\1</Pattern><Replace>/b</Replace></URLRewrite></OriginOptions>"),
    ),
    2,
    "Vhosts/Vhost/OriginOptions/URLRewrite/Pattern",
    '"(a)\\\\1" cannot be used: back references cannot be used.',
  ],
  [
    "ORG-41 a group that the expression lacks",
    vhosts(
      vhost(
        "<OriginOptions><URLRewrite><Pattern>/(a)</Pattern>\n<Replace>/#1/#2</Replace></URLRewrite></OriginOptions>",
      ),
    ),
    2,
    "Vhosts/Vhost/OriginOptions/URLRewrite/Replace",
    "#2 is written, but <Pattern> has 1 group.",
  ],
  [
    "ORG-41 a rule without result",
    vhosts(vhost("\n<OriginOptions><URLRewrite><Pattern>/a</Pattern></URLRewrite></OriginOptions>")),
    2,
    "Vhosts/Vhost/OriginOptions/URLRewrite/Replace",
    "<URLRewrite> has no <Replace>.",
  ],
  [
    "own a list of redirect targets with a URL in it",
    vhosts(
      vhost('\n<OriginOptions><RedirectionTrace Allow="a.com, http://b.com">ON</RedirectionTrace></OriginOptions>'),
    ),
    2,
    "Vhosts/Vhost/OriginOptions/RedirectionTrace@Allow",
    '"http://b.com" is neither a host name nor a network.',
  ],
  [
    "ORG-13 a checker without a path",
    vhosts(
      vhost("", 'Name="a"'),
      '\n<Vhost Name="b"><Origin><Address>1.1.1.1</Address><HealthChecker>alive</HealthChecker></Origin></Vhost>',
    ),
    3,
    "Vhosts/Vhost/Origin/HealthChecker",
    '"alive" is not such a path.',
  ],
  [
    "BYP-21 a port that is none",
    vhosts(vhost("\n<PortBypass>70000</PortBypass>")),
    2,
    "Vhosts/Vhost/PortBypass",
    '"70000" is not a port.',
  ],
  [
    "BYP-23 a port that two hosts relay",
    vhosts(
      vhost('<PortBypass Dest="8443">443</PortBypass>', 'Name="a"'),
      vhost("<PortBypass>443</PortBypass>", 'Name="b"'),
    ),
    2,
    "Vhosts/Vhost/PortBypass",
    "Port 443 is relayed by line 1 already.",
  ],
  [
    "BYP-23 a port that another host listens on",
    vhosts(vhost("<Listen>*:8080</Listen>", 'Name="a"'), vhost("<PortBypass>8080</PortBypass>", 'Name="b"')),
    2,
    "Vhosts/Vhost/PortBypass",
    "The virtual host a listens on port 8080.",
  ],
  [
    "BYP-23 the port of the manager",
    vhosts(vhost("\n<PortBypass>10040</PortBypass>")),
    2,
    "Vhosts/Vhost/PortBypass",
    "Port 10040 is that of <Manager>.",
  ],
  [
    "CFG-11 a port out of range",
    addressed("a.com:99999"),
    2,
    "Vhosts/Vhost/Origin/Address",
    '"a.com:99999" has a port that is not 1 to 65535.',
  ],
  [
    "CFG-11 an address that is none",
    addressed("1.1.1.999"),
    2,
    "Vhosts/Vhost/Origin/Address",
    '"1.1.1.999" names neither an IP address nor a domain.',
  ],
  [
    "CFG-11 a query string",
    addressed("a.com/b?c"),
    2,
    "Vhosts/Vhost/Origin/Address",
    '"a.com/b?c" has a path with a blank, ? or #.',
  ],
  [
    "CFG-11 two hosts in one",
    addressed("a.com b.com"),
    2,
    "Vhosts/Vhost/Origin/Address",
    '"a.com b.com" names neither an IP address nor a domain.',
  ],
  [
    "two origin blocks",
    vhosts(vhost("\n<Origin><Address>1.1.1.1</Address></Origin>")),
    2,
    "Vhosts/Vhost/Origin",
    "<Origin> stands twice; the first is on line 1.",
  ],
  [
    "an option outside its block",
    vhosts(vhost("\n<AgeHeader>ON</AgeHeader>")),
    2,
    "Vhosts/Vhost/AgeHeader",
    "There is no element <AgeHeader> in <Vhost>. It belongs in Vhosts/Vhost/Options.",
  ],
  [
    "CFG-30 a condition in XML",
    vhosts(vhost("\n<Acl/>")),
    2,
    "Vhosts/Vhost/Acl",
    "There is no element <Acl> in <Vhost>.",
  ],
];

const expectProblem = (file: string, [, content, line, element, message]: Case): void => {
  const problems = problemsOf({ [file]: content });
  const errors = problems.filter((problem) => problem.severity === "error");
  expect(errors).toMatchObject([{ file, line, element, message }]);
};

describe("an unsound configuration names file, line and element", () => {
  it.each(SERVER_CASES)("server.xml: %s", (...row) => expectProblem("server.xml", row));
  it.each(VHOSTS_CASES)("vhosts.xml: %s", (...row) => expectProblem("vhosts.xml", row));

  it("says in words what is allowed", () => {
    expect(problemsOf({ "server.xml": inCache("<Purge>Soft</Purge>") })[0]?.allowed).toBe("Normal or Hard");
  });

  it("counts columns from 1 at the beginning of the tag", () => {
    expect(problemsOf({ "server.xml": inCache("    <Purge>Soft</Purge>") })[0]).toMatchObject({ line: 3, column: 5 });
  });

  it("reports every mistake, not only the first", () => {
    const content = inCache('<Purge>Soft</Purge><Storage OnCrash="x" DiskFailSec="y"/><Workers>many</Workers>');
    expect(problemsOf({ "server.xml": content })).toHaveLength(4);
  });

  it("lists at most a thousand of them", () => {
    expect(problemsOf({ "server.xml": server("<X/>".repeat(5_000)) })).toHaveLength(1_000);
  });

  it.each([
    "\u0000",
    "<",
    "<![CDATA[",
    "<Server><!--",
    "<Server a='",
    "<?xml",
    "]]>",
    "<Server>&#x110000;</Server>",
    "<_><_/></_>",
    "<Server><__proto__/><constructor>1</constructor></Server>",
    '<Server __proto__="1" constructor="2"/>',
  ])("refuses %j without harm", (content) => {
    expect(load({ "server.xml": content }).ok).toBe(false);
  });
});
