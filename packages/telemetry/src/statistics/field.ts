import type { FieldSource } from "./sources.ts";

/** One value of the statistics: where it stands, and where it comes from. */
export interface Field<Facts> {
  /** Below the thing's object, with dots: `OriginTraffic.Response.ResTotal.Count`; undefined: not in JSON. */
  readonly json: string | undefined;
  /** Below the thing's element: `OriginTraffic/Response/ResTotal/Count/text()` or `…/@Sum`; undefined: not in XML. */
  readonly xml: string | undefined;
  readonly unit: string;
  readonly source: FieldSource<Facts>;
  readonly doc: string;
}

export const PER_SECOND = "count/s";
export const BYTES_PER_SECOND = "bytes/s";
export const TOTAL = "count (5-min total)";
export const LEVEL = "count (gauge)";
export const HUNDREDTHS = "0.01 ms";
export const SHARE = "0.01 %";
export const SIGNED_SHARE = "0.01 % (signed)";

export const rate = <Facts>(slots: readonly number[], minus: readonly number[] = []): FieldSource<Facts> => ({
  kind: "rate",
  slots,
  minus,
});

export const total = <Facts>(slots: readonly number[]): FieldSource<Facts> => ({ kind: "total", slots });

export const mean = <Facts>(of: readonly number[], per: readonly number[], divisor = 1): FieldSource<Facts> => ({
  kind: "mean",
  of,
  per,
  divisor,
});

export const level = <Facts>(slots: readonly number[]): FieldSource<Facts> => ({ kind: "level", slots });

export const fact = <Facts>(
  from: string,
  read: Extract<FieldSource<Facts>, { kind: "fact" }>["read"],
): FieldSource<Facts> => ({ kind: "fact", from, read });

/** A field that stands alike in both: JSON `a.b.C`, XML attribute `C` of the elements `a/b`. */
export const attribute = <Facts>(
  place: string,
  unit: string,
  source: FieldSource<Facts>,
  doc: string,
  xmlElements: readonly string[] = place.split(".").slice(0, -1),
): Field<Facts> => ({
  json: place,
  xml: [...xmlElements, `@${place.split(".").at(-1) ?? ""}`].join("/"),
  unit,
  source,
  doc,
});

/** JSON `a.b.C`, XML element `a/b/C` with the value as text. */
export const text = <Facts>(
  place: string,
  unit: string,
  source: FieldSource<Facts>,
  doc: string,
  xmlElements: readonly string[] = place.split("."),
): Field<Facts> => ({ json: place, xml: [...xmlElements, "text()"].join("/"), unit, source, doc });

/** An amount per second with its total: JSON `C` and `CSum`, XML `<C Sum="…">…</C>`. */
export const summed = <Facts>(place: string, slots: readonly number[], doc: string): readonly Field<Facts>[] => [
  {
    json: `${place}Sum`,
    xml: `${place.replaceAll(".", "/")}/@Sum`,
    unit: TOTAL,
    source: total(slots),
    doc: `Total: ${doc}`,
  },
  text(place, PER_SECOND, rate(slots), doc),
];
