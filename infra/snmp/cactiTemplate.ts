import { createHash } from "node:crypto";
import { CACTI_GRAPHS, type CactiGraph, type Scale, type Series } from "./cactiGraphs.ts";

/** Codes of what a template file holds, of Cacti 0.8.7: later ones read them too. */
const KIND = {
  graphTemplate: "00",
  dataTemplate: "01",
  hostTemplate: "02",
  inputMethod: "03",
  calculation: "05",
  printing: "06",
  inputField: "07",
  dataItem: "08",
  graphInput: "09",
  graphItem: "10",
  calculationItem: "14",
} as const;
const VERSION = "0014";

/** Hashes of Cacti itself: "Get SNMP Data" with its fields, and how numbers are printed. */
const GET_SNMP_DATA = "3eb92bb845b9660a7445cf9740726522";
const SNMP_FIELDS = [
  { hash: "92f5906c8dc0f964b41f4253df582c38", name: "SNMP IP Address", data: "management_ip", code: "hostname" },
  { hash: "32285d5bf16e56c478f5e83f32cda9ef", name: "SNMP Community", data: "snmp_community", code: "snmp_community" },
  { hash: "ad14ac90641aed388139f6ba86a2e48b", name: "SNMP Username", data: "snmp_username", code: "snmp_username" },
  { hash: "9c55a74bd571b4f00a96fd4b793278c6", name: "SNMP Password", data: "snmp_password", code: "snmp_password" },
  { hash: "012ccb1d3687d3edb29c002ea66e72da", name: "SNMP Version", data: "snmp_version", code: "snmp_version" },
  { hash: "4276a5ec6e3fe33995129041b1909762", name: "OID", data: "oid", code: "snmp_oid" },
] as const;
const OID_FIELD = "4276a5ec6e3fe33995129041b1909762";
const NORMAL_NUMBERS = "e9c43831e54eca8069317a2ce8c6f751";

const PRODUCT = "Basalt";
const ROOT = ".1.3.6.1.4.1.40001.1";
const STEP_SECONDS = 300;

const [LINE, AREA, STACK, PRINT] = [5, 7, 8, 9];
const [AVERAGE, MAXIMUM, LAST] = [1, 3, 4];
const PRINTED = [
  { of: LAST, text: "Current:" },
  { of: AVERAGE, text: "Average:" },
  { of: MAXIMUM, text: "Maximum:" },
] as const;

/** The same thing has the same hash in every edition of the file, so that an import brings it up to date. */
const hashOf = (kind: keyof typeof KIND, ...words: readonly string[]): string =>
  named(
    kind,
    createHash("md5")
      .update(["basalt", kind, ...words].join("/"))
      .digest("hex"),
  );

const named = (kind: keyof typeof KIND, hash: string): string => `hash_${KIND[kind]}${VERSION}${hash}`;

type Content = string | readonly (readonly [name: string, content: Content])[];

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const render = (name: string, content: Content, depth: string): string =>
  typeof content === "string"
    ? `${depth}<${name}>${escapeText(content)}</${name}>\n`
    : `${depth}<${name}>\n${content.map(([child, inner]) => render(child, inner, `${depth}\t`)).join("")}${depth}</${name}>\n`;

/** Values that the template fixes; Cacti has a switch beside each, empty for fixed. */
const fixed = (values: Readonly<Record<string, string>>): Content =>
  Object.entries(values).flatMap(([name, value]) => [[`t_${name}`, ""] as const, [name, value] as const]);

const FACTORS: Readonly<Record<Exclude<Scale, "as it is">, string>> = {
  hundredths: "CURRENT_DATA_SOURCE,100,/",
  kilobytes: "CURRENT_DATA_SOURCE,1024,*",
};

const CUSTOM_STRING = "6";

const calculations = Object.entries(FACTORS).map(([scale, formula]): readonly [string, Content] => [
  hashOf("calculation", scale),
  [
    ["name", `${PRODUCT} - ${scale}`],
    [
      "items",
      [
        [
          hashOf("calculationItem", scale),
          [
            ["sequence", "1"],
            ["type", CUSTOM_STRING],
            ["value", formula],
          ],
        ],
      ],
    ],
  ],
]);

const dataItemOf = ({ key }: Series): string => hashOf("dataItem", key);

const graphItem = (values: Readonly<Record<string, string>>): Content => Object.entries(values);

/** A line or an area for each series, and behind it what it was and is. */
const itemsOf = (graph: CactiGraph): readonly (readonly [string, Content, Series])[] => {
  const calculation = graph.scale === "as it is" ? "0" : hashOf("calculation", graph.scale);
  let sequence = 0;
  return graph.series.flatMap((series, index) => {
    const item = (word: string, values: Readonly<Record<string, string>>): readonly [string, Content, Series] => {
      sequence += 1;
      const shared = { task_item_id: dataItemOf(series), cdef_id: calculation, value: "" };
      const printing = named("printing", NORMAL_NUMBERS);
      const content = graphItem({ ...shared, ...values, gprint_id: printing, sequence: String(sequence) });
      return [hashOf("graphItem", graph.name, series.key, word), content, series];
    };
    const stacked = index === 0 ? AREA : STACK;
    return [
      item("drawn", {
        color_id: series.color,
        graph_type_id: String(graph.isStacked ? stacked : LINE),
        consolidation_function_id: String(AVERAGE),
        text_format: series.label,
        hard_return: "",
      }),
      ...PRINTED.map(({ of, text }, at) =>
        item(text, {
          color_id: "0",
          graph_type_id: String(PRINT),
          consolidation_function_id: String(of),
          text_format: text,
          hard_return: at === PRINTED.length - 1 ? "on" : "",
        }),
      ),
    ];
  });
};

const graphTemplate = (graph: CactiGraph): readonly [string, Content] => {
  const items = itemsOf(graph);
  const inputs = graph.series.map((series): readonly [string, Content] => {
    const own = items.filter(([, , of]) => of === series);
    // Cacti names items of inputs with the code of a graph template.
    const names = own.map(([hash]) => hash.replace(`hash_${KIND.graphItem}`, `hash_${KIND.graphTemplate}`));
    return [
      hashOf("graphInput", graph.name, series.key),
      [
        ["name", `Data Source [${series.key}]`],
        ["description", ""],
        ["column_name", "task_item_id"],
        ["items", names.join("|")],
      ],
    ];
  });
  return [
    hashOf("graphTemplate", graph.name),
    [
      ["name", `${PRODUCT} - ${graph.name}`],
      [
        "graph",
        fixed({
          title: `|host_description| - ${graph.name}`,
          image_format_id: "1",
          height: "120",
          width: "500",
          auto_scale: "on",
          auto_scale_opts: "2",
          auto_scale_log: "",
          auto_scale_rigid: "",
          auto_padding: "on",
          export: "on",
          upper_limit: "100",
          lower_limit: "0",
          base_value: String(graph.base),
          unit_value: "",
          unit_exponent_value: "",
          vertical_label: graph.unit,
        }),
      ],
      ["items", items.map(([hash, content]) => [hash, content] as const)],
      ["inputs", inputs],
    ],
  ];
};

const dataTemplate = (graph: CactiGraph, series: Series): readonly [string, Content] => [
  hashOf("dataTemplate", series.key),
  [
    ["name", `${PRODUCT} - ${graph.name} - ${series.label}`],
    [
      "ds",
      [
        ["t_name", ""],
        ["name", `|host_description| - ${graph.name} - ${series.label}`],
        ["data_input_id", named("inputMethod", GET_SNMP_DATA)],
        ["t_rra_id", ""],
        ["t_rrd_step", ""],
        ["rrd_step", String(STEP_SECONDS)],
        ["t_active", ""],
        ["active", "on"],
        ["rra_items", ""],
      ],
    ],
    [
      "items",
      [
        [
          dataItemOf(series),
          fixed({
            data_source_name: series.key,
            rrd_minimum: series.isSigned === true ? "U" : "0",
            rrd_maximum: "U",
            data_source_type_id: "1",
            rrd_heartbeat: String(2 * STEP_SECONDS),
            data_input_field_id: "0",
          }),
        ],
      ],
    ],
    [
      "data",
      SNMP_FIELDS.map(({ hash }, index): readonly [string, Content] => [
        `item_${String(index).padStart(3, "0")}`,
        [
          ["data_input_field_id", named("inputField", hash)],
          ["t_value", ""],
          ["value", hash === OID_FIELD ? `${ROOT}.${series.oid}` : ""],
        ],
      ]),
    ],
  ],
];

const inputMethod: readonly [string, Content] = [
  named("inputMethod", GET_SNMP_DATA),
  [
    ["name", "Get SNMP Data"],
    ["type_id", "2"],
    ["input_string", ""],
    [
      "fields",
      SNMP_FIELDS.map(({ hash, name, data, code }): readonly [string, Content] => [
        named("inputField", hash),
        [
          ["name", name],
          ["update_rra", ""],
          ["regexp_match", ""],
          ["allow_nulls", /name|word|version/i.test(code) && code !== "hostname" ? "on" : ""],
          ["type_code", code],
          ["input_output", "in"],
          ["data_name", data],
        ],
      ]),
    ],
  ],
];

const printing: readonly [string, Content] = [
  named("printing", NORMAL_NUMBERS),
  [
    ["name", "Normal"],
    ["gprint_text", "%8.2lf %s"],
  ],
];

const hostTemplate: readonly [string, Content] = [
  hashOf("hostTemplate"),
  [
    ["name", PRODUCT],
    ["graph_templates", CACTI_GRAPHS.map(({ name }) => hashOf("graphTemplate", name)).join("|")],
    ["data_queries", ""],
  ],
];

/** SNMP-385: what Cacti's "Import Templates" takes. */
export const renderCactiTemplate = (): string =>
  render(
    "cacti",
    [
      ...CACTI_GRAPHS.map(graphTemplate),
      ...CACTI_GRAPHS.flatMap((graph) => graph.series.map((series) => dataTemplate(graph, series))),
      hostTemplate,
      inputMethod,
      printing,
      ...calculations,
    ],
    "",
  );
