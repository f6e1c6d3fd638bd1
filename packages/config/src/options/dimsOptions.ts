import { formatOverlayOffset } from "../dims/geometrySyntax.ts";
import type {
  AnnotationSettings,
  ByOriginalSettings,
  CompositeSettings,
  DimsSettings,
  DimsSigningKey,
  Gravity,
  OverlayOffset,
  OverlayPlace,
  PresetSettings,
  SizeCondition,
} from "../dimsContract.ts";
import type { SecretType } from "../drmContract.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import {
  annotationName,
  autoFormats,
  backgroundSide,
  calledName,
  color,
  colorOrNone,
  colorProfile,
  commandChain,
  decimal,
  fingerprint,
  keyword,
  MOST_PIXELS,
  megapixels,
  offset,
  PIXELS_PER_MEGAPIXEL,
  secret,
} from "./dimsValues.ts";
import { type ListAttribute, listOption, type OptionTable, option } from "./option.ts";
import { integer, megabytes, oneOf, onOff, plainText, type ValueType } from "./valueTypes.ts";
import { flattenTable, resolveOptions } from "./walkTable.ts";

/** Value of an attribute that may be absent or wrong; validation reports the latter. */
const attributeOr = <T>(element: XmlElement, name: string, type: ValueType<T>, absent: T): T => {
  const text = element.attributes.get(name);
  const outcome = text === undefined ? undefined : type.parse(text);
  return outcome?.ok ? outcome.value : absent;
};

const gravity = oneOf("nw", "n", "ne", "w", "c", "e", "sw", "s", "se");
const dissolve = integer({ min: 0, max: 100 }, "%");
const NO_OFFSET: OverlayOffset = { x: 0, xIsPercent: false, y: 0, yIsPercent: false };

const nameAttribute = (type: ValueType<string>, doc: string): ListAttribute => ({
  name: "Name",
  type,
  defaultNote: "required",
  doc,
});

const PLACE_ATTRIBUTES: readonly ListAttribute[] = [
  { name: "Gravity", type: gravity, defaultNote: "`c`", doc: "Corner, side or centre (`c`) that it lies at." },
  {
    name: "Geometry",
    type: offset,
    defaultNote: "`+0+0`",
    doc: "How far from there towards the inside; with % as a share of the picture below.",
  },
  { name: "Dissolve", type: dissolve, defaultNote: "`50`", doc: "Opacity: 0 is invisible, 100 covers." },
];

const readPlace = (element: XmlElement): OverlayPlace => ({
  gravity: attributeOr<Gravity>(element, "Gravity", gravity, "c"),
  offset: attributeOr(element, "Geometry", offset, NO_OFFSET),
  dissolve: attributeOr(element, "Dissolve", dissolve, 50),
});

const formatPlace = (place: OverlayPlace): string =>
  `${place.gravity} ${formatOverlayOffset(place.offset)} ${place.dissolve} %`;

const nameOf = (element: XmlElement): string => element.attributes.get("Name") ?? "";

const composites = listOption<CompositeSettings>("Dims/Composite", {
  text: undefined,
  attributes: [
    nameAttribute(calledName, "Name behind `/composite/`."),
    {
      name: "File",
      type: plainText,
      defaultNote: "required",
      doc: "Picture that is laid over others: a file, absolute or relative to the home folder.",
    },
    ...PLACE_ATTRIBUTES,
  ],
  default: [],
  doc: "A picture that `/composite/{Name}/` lays over others. A host that writes any has these alone.",
  spec: "DIMS-70 to DIMS-74",
  read: (element) => ({ name: nameOf(element), file: element.attributes.get("File") ?? "", ...readPlace(element) }),
  format: (composite) => `${composite.name}: ${composite.file} ${formatPlace(composite)}`,
});

const conditionSide = integer({ min: 1, max: MOST_PIXELS }, "pixels");

const formatCondition = ({ maxWidth, maxHeight, commands }: SizeCondition): string => {
  const bounds = [
    ...(maxWidth === undefined ? [] : [`Width ${maxWidth}`]),
    ...(maxHeight === undefined ? [] : [`Height ${maxHeight}`]),
  ];
  return `${bounds.length === 0 ? "else" : bounds.join(" ")} ${commands}`;
};

const CONDITION_TABLE: OptionTable<Pick<ByOriginalSettings, "conditions">> = {
  conditions: listOption<SizeCondition>("Condition", {
    text: commandChain(["byOriginal", "preset"]),
    attributes: [
      {
        name: "Width",
        type: conditionSide,
        defaultNote: "any",
        doc: "Applies to sources of this width or less; with `Height` both must hold.",
      },
      { name: "Height", type: conditionSide, defaultNote: "any", doc: "Applies to sources of this height or less." },
    ],
    default: [],
    doc: "Commands for sources up to a size; the first that applies is carried out. Without a size it always applies.",
    spec: "DIMS-81 to DIMS-83",
    read: (element) => ({
      maxWidth: attributeOr<number | undefined>(element, "Width", conditionSide, undefined),
      maxHeight: attributeOr<number | undefined>(element, "Height", conditionSide, undefined),
      commands: element.text,
    }),
    format: formatCondition,
  }),
};

const byOriginal = listOption<ByOriginalSettings>("Dims/ByOriginal", {
  text: undefined,
  attributes: [nameAttribute(calledName, "Name behind `/byoriginal/`.")],
  below: flattenTable(CONDITION_TABLE),
  default: [],
  doc: "A choice by the size of the source; where no condition applies, the picture stays as it is. A host that writes any has these alone.",
  spec: "DIMS-80 to DIMS-85",
  read: (element) => ({ name: nameOf(element), ...resolveOptions(CONDITION_TABLE, element) }),
  format: ({ name, conditions }) => `${name}: ${conditions.map(formatCondition).join("; ")}`,
});

const DEFAULT_FONT = "sans";
const DEFAULT_FONT_SIZE = 10;
const BLACK = "#000000";

const fontSize = integer({ min: 1, max: 1_000 });
const textAlign = oneOf("center", "left", "right");

const annotations = listOption<AnnotationSettings>("Dims/Annotation", {
  text: plainText,
  attributes: [
    nameAttribute(annotationName, "Name behind `/annotation/`, where `*` joins several."),
    { name: "Font", type: plainText, defaultNote: `\`${DEFAULT_FONT}\``, doc: "Font of the system, by its name." },
    { name: "FontSize", type: fontSize, defaultNote: `\`${DEFAULT_FONT_SIZE}\``, doc: "Its size in points." },
    { name: "FontColor", type: color, defaultNote: `\`${BLACK}\``, doc: "Its colour." },
    { name: "TextAlign", type: textAlign, defaultNote: "`center`", doc: "How lines are set." },
    { name: "BackgroundColor", type: colorOrNone, defaultNote: "`none`", doc: "Colour of the ground behind the text." },
    {
      name: "BackgroundWidth",
      type: backgroundSide,
      defaultNote: "`0`",
      doc: "Width of that ground; 0: as the text needs, `Origin`: as the picture.",
    },
    { name: "BackgroundHeight", type: backgroundSide, defaultNote: "`0`", doc: "Its height, likewise." },
    ...PLACE_ATTRIBUTES,
  ],
  default: [],
  doc: "A text that `/annotation/{Name}/` draws onto pictures. `$QUERYSTRING[key]` stands for a value of the query string in front of the keyword, `\\n` for a new line.",
  spec: "DIMS-110 to DIMS-112",
  read: (element) => ({
    name: nameOf(element),
    text: element.text,
    font: attributeOr(element, "Font", plainText, DEFAULT_FONT),
    fontSize: attributeOr(element, "FontSize", fontSize, DEFAULT_FONT_SIZE),
    color: attributeOr(element, "FontColor", color, BLACK),
    align: attributeOr<"left" | "center" | "right">(element, "TextAlign", textAlign, "center"),
    background: attributeOr<string | undefined>(element, "BackgroundColor", colorOrNone, undefined),
    backgroundWidth: attributeOr<number | "origin">(element, "BackgroundWidth", backgroundSide, 0),
    backgroundHeight: attributeOr<number | "origin">(element, "BackgroundHeight", backgroundSide, 0),
    ...readPlace(element),
  }),
  format: ({ name, ...rest }) => `${name}: ${JSON.stringify(rest)}`,
});

const presets = listOption<PresetSettings>("Dims/Preset", {
  text: commandChain(["preset"]),
  attributes: [nameAttribute(calledName, "Name behind `/preset/`.")],
  default: [],
  doc: "Commands under a name: `/preset/{Name}/` carries them out. Not in the guide.",
  spec: "own element, issue 9",
  read: (element) => ({ name: nameOf(element), commands: element.text }),
  format: ({ name, commands }) => `${name}: ${commands}`,
});

const secretType = oneOf("plain", "enc");

const signatures = listOption<DimsSigningKey>("Dims/Signature", {
  text: undefined,
  attributes: [
    { name: "Key", type: secret, defaultNote: "required", doc: "Secret that signatures are made with; never shown." },
    {
      name: "Type",
      type: secretType,
      defaultNote: "`plain`",
      doc: "`enc`: the key is what `/command/encryptpassword` answered.",
    },
  ],
  default: [],
  doc: "With it, only signed commands are carried out: `/{Keyword}/sign/{signature}/{commands}`, where the signature is the HMAC-SHA256, in 64 hexadecimal digits, of `{URL in front}/{Keyword}/{commands}` as the client writes them. All keys are valid, so that one is replaced without a break. Not in the guide.",
  spec: "own element, issue 9",
  read: (element) => ({
    secret: element.attributes.get("Key") ?? "",
    type: attributeOr<SecretType>(element, "Type", secretType, "plain"),
  }),
  format: (key) => `(secret ${fingerprint(key.secret)})`,
});

const OWN = "own element, issue 9";

const onOffElement = (name: string, doc: string) =>
  option<boolean>(`Dims/${name}`, onOff, false, { doc: `${doc} Not in the guide.`, spec: OWN });

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const DIMS_OPTIONS: OptionTable<DimsSettings> = {
  status: option("Dims@Status", oneOf("Active", "Inactive"), "Inactive", {
    doc: "Whether pictures are converted by their URL.",
    spec: "DIMS-01",
  }),
  keyword: option("Dims@Keyword", keyword, "dims", {
    doc: "Path segment between the URL of the picture and the commands; in lower case where `<CaseSensitive>` is OFF.",
    spec: "DIMS-02",
  }),
  maxSourceBytes: option<number>("Dims@MaxSourceSize", megabytes({ min: 1, max: 1_024 }), 10 * 1024 ** 2, {
    doc: "Largest file that is converted.",
    defaultNote: "10 MB",
    spec: "DIMS-03",
  }),
  onFailure: option("Dims@OnFailure", oneOf("message", "redirect"), "message", {
    doc: "What a client gets when a conversion fails: `message` 500 with the reason, `redirect` 302 to the original.",
    spec: "DIMS-04",
  }),
  firstFrameOnly: option("Dims@FirstFrameOnly", onOff, false, {
    doc: "Whether only the first frame of an animation is converted.",
    spec: "DIMS-05",
  }),
  composites,
  byOriginal,
  annotations,
  extraCommands: onOffElement(
    "ExtraCommands",
    "Whether `format/webp`, `format/avif`, `quality/auto`, `autoorient/true`, `resizecrop/{size},attention` or `,entropy` and `describe/blurhash`, `thumbhash`, `color` or `info` are commands.",
  ),
  formatAuto: option("Dims/FormatAuto", autoFormats, [], {
    doc: "Formats that `format/auto` chooses from by the `Accept` field of the client, in the order of preference. Not in the guide.",
    defaultNote: "none: `format/auto` is no command",
    spec: OWN,
  }),
  presets,
  signatures,
  autoOrient: onOffElement(
    "AutoOrient",
    "Whether pictures are turned as their EXIF orientation says, before any command.",
  ),
  convertsToSrgb: option("Dims/ColorProfile", colorProfile, false, {
    doc: "`sRGB`: colours are converted to sRGB by the profile of the source. `Keep`: they stay, and so does the profile. Not in the guide.",
    spec: OWN,
  }),
  stripsLocation: onOffElement("StripLocation", "Whether the place where a picture was taken is removed from results."),
  keepsSmaller: onOffElement(
    "KeepSmaller",
    "Whether the original is the result where commands that leave size and format alone make it larger.",
  ),
  targetSimilarity: option<number>("Dims/TargetSimilarity", decimal(0.5, 1), 0.985, {
    doc: "Similarity to the source (SSIM) that `quality/auto` aims at. Not in the guide.",
    spec: OWN,
  }),
  maxPixels: option<number>("Dims/MaxPixels", megapixels, 100 * PIXELS_PER_MEGAPIXEL, {
    doc: "Largest area of a picture that is read or made, all frames of an animation together.",
    defaultNote: "100 megapixels",
    spec: "DIMS-48",
  }),
  maxSidePixels: option<number>("Dims/MaxSide", integer({ min: 1, max: MOST_PIXELS }, "pixels"), MOST_PIXELS, {
    doc: "Longest side of a picture that is read or made.",
    spec: "DIMS-48",
  }),
  maxFrames: option<number>("Dims/MaxFrames", integer({ min: 1, max: 100_000 }), 1_000, {
    doc: "Most frames of an animation that is converted.",
    spec: "own element, DIMS-48",
  }),
};
