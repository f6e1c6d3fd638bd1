import type { ImageRegion, ImageSettings, ImageSize } from "@basalt/policy/dims";
import type { OutputInfo, OverlayOptions, Sharp, SharpOptions } from "sharp";
import { isOfOwnBuffer } from "../ownMemory.ts";
import { sharp } from "./decoders.ts";
import { type Layer, type PlacedLayer, visiblePart } from "./layers.ts";
import { checkSize } from "./limits.ts";
import type { ColourPlan, ConversionPlan } from "./plan.ts";
import { ImageRefusal, refuseConversion } from "./refusal.ts";
import { readingError, type SourceFacts } from "./sourceFacts.ts";
import { STAGE, type Stage } from "./stages.ts";
import { turnedSize } from "./turnedSize.ts";

export type Focus = "center" | "attention" | "entropy";

/** Linear matrix of three by three on red, green and blue. */
export type ColourMatrix = readonly [Row, Row, Row];
type Row = readonly [number, number, number];

export interface PictureContext {
  readonly facts: SourceFacts;
  readonly plan: ConversionPlan;
  readonly colours: ColourPlan;
  readonly settings: ImageSettings;
  /** libvips gives up a pipeline that runs longer. */
  readonly deadlineSeconds: number;
}

const WHITE = { r: 255, g: 255, b: 255, alpha: 1 };
const CLEAR_WHITE = { r: 255, g: 255, b: 255, alpha: 0 };

/** Pixels of layers that wait to be laid on; with more they are laid on at once. */
const HELD_LAYERS_BYTES = 64 * 1024 * 1024;

/**
 * A picture on its way through the commands. Steps are gathered into one pipeline of libvips for as long as its own
 * order is theirs; a step that would come too late has the pipeline run, and begins another on its pixels. So one
 * resize of a JPEG is one pipeline, which reads no more of it than it needs.
 */
export class Picture {
  readonly #context: PictureContext;
  /** Whether EXIF, XMP or a profile goes from the source to the result. */
  readonly #carriesRecords: boolean;
  #pipeline: Sharp;
  #isSource = true;
  #isOriented: boolean;
  #isChanged: boolean;
  #stage: Stage = STAGE.input;
  #hasResize = false;
  #isTurned = false;
  #hasFractions = false;
  #layers: OverlayOptions[] = [];
  #layerBytes = 0;
  #hasAlpha: boolean;
  /** Of one frame; undefined until the pipeline has run. */
  #size: ImageSize | undefined;

  constructor(source: Uint8Array, context: PictureContext) {
    const { facts, plan, colours, settings } = context;
    this.#context = context;
    this.#carriesRecords =
      plan.frames === 1 && ((facts.hasRecords && !plan.strips && plan.format !== "gif") || colours.keepsProfile);
    this.#isOriented = plan.orientsFirst;
    this.#isChanged = plan.orientsFirst || plan.frames !== facts.frames || plan.format !== facts.format;
    this.#hasAlpha = facts.hasAlpha;
    const isAside = plan.orientsFirst && facts.orientation >= 5;
    this.#size = isAside ? { width: facts.height, height: facts.width } : { width: facts.width, height: facts.height };
    this.#pipeline = this.#begin(source, {
      failOn: "error",
      limitInputPixels: settings.maxPixels,
      pages: plan.frames,
      autoOrient: plan.orientsFirst,
    });
    if (colours.working !== undefined) this.#pipeline.pipelineColourspace(colours.working);
    if (facts.hasAlpha && plan.format === "jpg") {
      this.#pipeline.flatten({ background: WHITE });
      this.#hasAlpha = false;
    }
  }

  /** False as long as the result would show what the source shows. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  get frames(): number {
    return this.#context.plan.frames;
  }

  get hasAlpha(): boolean {
    return this.#hasAlpha;
  }

  get context(): PictureContext {
    return this.#context;
  }

  /** Whether the result can show what is behind it. */
  get #isOpaque(): boolean {
    return this.#context.plan.format === "jpg";
  }

  async size(): Promise<ImageSize> {
    if (this.#size === undefined) await this.#settle();
    return this.#size ?? refuseConversion("a picture without a size");
  }

  async extract(region: ImageRegion): Promise<void> {
    const { width, height } = await this.size();
    if (region.width === width && region.height === height) return;
    if (this.#stage < STAGE.extract) this.#stage = STAGE.extract;
    else if (this.#hasResize && !this.#isTurned && this.#stage < STAGE.extractAgain) this.#stage = STAGE.extractAgain;
    else await this.#reach(STAGE.extract);
    this.#pipeline.extract(region);
    this.#setSize(region);
  }

  async resize(size: ImageSize): Promise<void> {
    const { width, height } = await this.size();
    if (size.width === width && size.height === height) return;
    this.#check(size);
    await this.#reach(STAGE.resize);
    this.#hasResize = true;
    this.#pipeline.resize({ width: size.width, height: size.height, fit: "fill" });
    this.#setSize(size);
  }

  /** Scaled to cover the box, and cut to it. */
  async cover(box: ImageSize, focus: Focus): Promise<void> {
    const { width, height } = await this.size();
    if (box.width === width && box.height === height) return;
    this.#check(box);
    const scale = Math.max(box.width / width, box.height / height);
    this.#check({ width: Math.round(scale * width), height: Math.round(scale * height) });
    if (focus !== "center" && this.frames > 1) return this.#coverFrames(box, focus);
    await this.#reach(STAGE.resize);
    this.#stage = STAGE.cover;
    this.#hasResize = true;
    this.#pipeline.resize({ ...box, fit: "cover", position: focus === "center" ? "centre" : focus });
    this.#setSize(box);
  }

  /**
   * A canvas of that size; the picture stays as it is, in the middle (DIMS-36, 37). Not behind a second cut in one
   * pipeline, whose size sharp would report.
   */
  async extend(canvas: ImageSize): Promise<void> {
    const { width, height } = await this.size();
    const [across, down] = [canvas.width - width, canvas.height - height];
    if (across <= 0 && down <= 0) return;
    this.#check(canvas);
    if (this.#stage === STAGE.extractAgain) await this.#settle();
    await this.#reach(STAGE.extend);
    const [left, top] = [Math.floor(across / 2), Math.floor(down / 2)];
    this.#pipeline.extend({ left, top, right: across - left, bottom: down - top, background: this.#background });
    if (!this.#isOpaque) this.#hasAlpha = true;
    this.#setSize(canvas);
  }

  /** Upside down. */
  async flip(): Promise<void> {
    if (this.frames > 1) return this.#eachFrame((frame) => frame.flip());
    await this.#reach(STAGE.flip);
    this.#isTurned = true;
    this.#isChanged = true;
    this.#pipeline.flip();
  }

  /** Left and right exchanged. */
  async flop(): Promise<void> {
    await this.#reach(STAGE.flop);
    this.#isTurned = true;
    this.#isChanged = true;
    this.#pipeline.flop();
  }

  /** Clockwise; the canvas grows. */
  async rotate(degrees: number): Promise<void> {
    const angle = ((degrees % 360) + 360) % 360;
    if (angle === 0) return;
    const { width, height } = await this.size();
    const isQuarter = angle % 90 === 0;
    const turned = turnedSize(angle, width, height);
    this.#check(turned);
    if (!isQuarter && !this.#isOpaque) this.#hasAlpha = true;
    const background = this.#background;
    if (this.frames > 1) return this.#eachFrame((frame) => frame.rotate(angle, { background }));
    if (this.#stage >= STAGE.turn) await this.#settle();
    await this.#reach(isQuarter ? STAGE.turn : STAGE.rotate);
    this.#isTurned = true;
    this.#pipeline.rotate(angle, { background });
    this.#setSize(isQuarter ? turned : undefined);
  }

  /** As EXIF says, where that was not done when the source was read. */
  async orient(): Promise<void> {
    if (this.#isOriented) return;
    const { orientation } = this.#context.facts;
    this.#isOriented = true;
    if (orientation === 1) return;
    const { data, info } = await this.#run(
      this.#finish().keepExif().png({ compressionLevel: 0, adaptiveFiltering: false }),
    );
    this.#continueWith(data, { autoOrient: true }, info);
    if (orientation >= 5) this.#setSize({ width: info.height, height: info.width });
  }

  /** DIMS-38: white at the edges is what has no channel below 250. */
  async trim(): Promise<void> {
    const size = await this.size();
    if (Math.max(size.width, size.height) < 3) return;
    if (this.frames > 1) return this.#trimFrames();
    await this.#reach(STAGE.trim);
    this.#pipeline.trim(TRIM);
    this.#setSize(undefined);
  }

  async recombine(matrix: ColourMatrix): Promise<void> {
    await this.#reach(STAGE.recombine);
    this.#isChanged = true;
    this.#hasFractions = true;
    const [red, green, blue] = matrix;
    this.#pipeline.recomb([[...red], [...green], [...blue]]);
  }

  /** Adds to the channels of colour, of 0 to 255. */
  async shift(offsets: readonly number[]): Promise<void> {
    await this.#reach(STAGE.linear);
    this.#isChanged = true;
    this.#pipeline.linear(
      offsets.map(() => 1),
      [...offsets],
    );
  }

  /** Not behind a matrix in one pipeline: that leaves fractions, of which the negative is below zero. */
  async negate(): Promise<void> {
    if (this.#hasFractions) await this.#settle();
    await this.#reach(STAGE.negate);
    this.#isChanged = true;
    this.#pipeline.negate({ alpha: false });
  }

  /** Layers onto every frame; what is outside of it is cut away. */
  async overlay(placed: readonly PlacedLayer[]): Promise<void> {
    const size = await this.size();
    const visible = placed.flatMap((one) => visiblePart(one, size));
    if (visible.length === 0) return;
    if (this.#stage !== STAGE.composite) await this.#reach(STAGE.composite);
    this.#isChanged = true;
    for (let frame = 0; frame < this.frames; frame++) {
      for (const { layer, left, top, blend } of visible) {
        const { data: input, width, height } = layer;
        const raw = { width, height, channels: 4 } as const;
        this.#layers.push({
          input: Buffer.from(input.buffer, input.byteOffset, input.byteLength),
          raw,
          left,
          top: top + frame * size.height,
          blend,
        });
      }
    }
    if (visible.some(({ blend }) => blend === "dest-out")) this.#hasAlpha = true;
    for (const { layer } of visible) this.#layerBytes += layer.data.byteLength;
    if (this.#layerBytes > HELD_LAYERS_BYTES) await this.#settle();
  }

  /** The picture as a file, in memory of its own. `choose` sets the format of the pipeline that is handed to it. */
  async write(choose: (pipeline: Sharp) => Sharp): Promise<Uint8Array<ArrayBuffer>> {
    const pipeline = choose(this.#carryRecords(this.#finish().toColourspace(this.#context.colours.output)));
    const { data } = await this.#naming(pipeline.toUint8Array());
    return isOfOwnBuffer(data) ? data : Uint8Array.from(data);
  }

  /** Eight bits per channel in sRGB; the picture can be written afterwards. */
  async readPixels(): Promise<Layer & { readonly channels: 3 | 4 }> {
    await this.#settle();
    const { data, info } = await this.#run(this.#pipeline.clone().toColourspace("srgb").raw({ depth: "uchar" }));
    return { data, width: info.width, height: info.height, channels: info.channels === 4 ? 4 : 3 };
  }

  get #background(): typeof WHITE {
    return this.#isOpaque ? WHITE : CLEAR_WHITE;
  }

  #check(size: ImageSize): void {
    checkSize(this.#context.settings, size.width, size.height, this.frames);
  }

  #setSize(size: ImageSize | undefined): void {
    this.#isChanged = true;
    this.#size = size === undefined ? undefined : { width: size.width, height: size.height };
  }

  async #reach(stage: Stage): Promise<void> {
    if (stage <= this.#stage) await this.#settle();
    this.#stage = stage;
  }

  #begin(input: Uint8Array, options: SharpOptions): Sharp {
    return sharp(input, options).timeout({ seconds: this.#context.deadlineSeconds });
  }

  /** The pipeline with what stands only at its end. */
  #finish(): Sharp {
    if (this.#layers.length > 0) this.#pipeline.composite(this.#layers);
    if (this.#layers.length > 0 && !this.#hasAlpha) this.#pipeline.removeAlpha();
    return this.#pipeline;
  }

  #carryRecords(pipeline: Sharp): Sharp {
    const { facts, plan, colours } = this.#context;
    if (colours.keepsProfile) pipeline.keepIccProfile();
    if (plan.frames > 1) return pipeline;
    if (!plan.strips && facts.hasRecords) return pipeline.keepExif().keepXmp();
    const isAskew = plan.strips && facts.orientation > 1 && !this.#isOriented;
    return isAskew ? pipeline.withExif({ IFD0: { Orientation: String(facts.orientation) } }) : pipeline;
  }

  /** Runs what was gathered and goes on with its pixels. PNG where they are more than eight bits of red, green and blue. */
  async #settle(): Promise<void> {
    const { output } = this.#context.colours;
    const isDeep = output === "rgb16" || output === "grey16";
    if (!isDeep && !this.#carriesRecords) return this.#settleRaw();
    const pipeline = this.#carryRecords(this.#finish()).toColourspace(isDeep ? output : "srgb");
    const { data, info } = await this.#run(pipeline.png({ compressionLevel: 0, adaptiveFiltering: false }));
    this.#continueWith(data, {}, info);
  }

  async #settleRaw(): Promise<void> {
    const { data, info } = await this.#run(this.#finish().toColourspace("srgb").raw({ depth: "uchar" }));
    const { width, height, channels } = info;
    if (this.frames === 1) return this.#continueWith(data, { raw: { width, height, channels } }, info);
    const pageHeight = info.pageHeight ?? height / this.frames;
    this.#continueWith(
      data,
      { pages: -1, raw: { width, height, channels, pageHeight } },
      { width, height: pageHeight },
    );
  }

  #continueWith(data: Uint8Array, options: SharpOptions, size: ImageSize): void {
    this.#pipeline = this.#begin(data, { failOn: "error", limitInputPixels: false, ...options });
    this.#isSource = false;
    this.#stage = STAGE.input;
    this.#hasResize = false;
    this.#isTurned = false;
    this.#hasFractions = false;
    this.#layers = [];
    this.#layerBytes = 0;
    this.#size = { width: size.width, height: size.height };
  }

  /** Its pixels are in memory of libvips, which cannot be handed to another thread. */
  #run(pipeline: Sharp): Promise<{ readonly data: Buffer<ArrayBuffer>; readonly info: OutputInfo }> {
    return this.#naming(pipeline.toBuffer({ resolveWithObject: true }));
  }

  /** With a refusal that says whose fault it is if the pipeline fails. */
  async #naming<Result>(running: Promise<Result>): Promise<Result> {
    try {
      return await running;
    } catch (error) {
      if (this.#isSource) throw readingError(error);
      throw new ImageRefusal("conversion", error instanceof Error ? error.message : String(error));
    }
  }

  /** For what libvips does to single pictures only. */
  async #eachFrame(change: (frame: Sharp, index: number) => Sharp): Promise<void> {
    const frames = await this.#splitFrames();
    const results: { readonly data: Buffer<ArrayBuffer>; readonly info: OutputInfo }[] = [];
    for (const [index, frame] of frames.entries()) {
      results.push(await this.#run(change(frame, index).toColourspace("srgb").raw({ depth: "uchar" })));
    }
    const [first] = results;
    if (first === undefined) return refuseConversion("an animation without frames");
    const { width, height: pageHeight, channels } = first.info;
    const raw = { width, height: pageHeight * results.length, channels, pageHeight };
    this.#continueWith(
      Buffer.concat(results.map(({ data }) => data)),
      { pages: -1, raw },
      { width, height: pageHeight },
    );
    this.#isChanged = true;
  }

  async #splitFrames(): Promise<Sharp[]> {
    const { data, info } = await this.#run(this.#finish().toColourspace("srgb").raw({ depth: "uchar" }));
    this.#isSource = false;
    const { width, channels } = info;
    const height = info.pageHeight ?? info.height / this.frames;
    const bytes = width * height * channels;
    return Array.from({ length: this.frames }, (_, index) =>
      this.#begin(data.subarray(index * bytes, (index + 1) * bytes), { raw: { width, height, channels } }),
    );
  }

  /** What is not white in any frame stays, so that the frames keep their places. */
  async #trimFrames(): Promise<void> {
    const size = await this.size();
    await this.#settle();
    const settled = this.#pipeline.clone();
    let [left, top, right, bottom] = [size.width, size.height, 0, 0];
    for (const frame of await this.#splitFrames()) {
      if (await isWhite(frame)) continue;
      const { info } = await this.#run(frame.trim(TRIM).raw());
      const [x, y] = [-(info.trimOffsetLeft ?? 0), -(info.trimOffsetTop ?? 0)];
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + info.width);
      bottom = Math.max(bottom, y + info.height);
    }
    this.#pipeline = settled;
    if (right > left && bottom > top) await this.extract({ left, top, width: right - left, height: bottom - top });
  }

  /** Where the first frame is interesting, all are cut. */
  async #coverFrames(box: ImageSize, focus: "attention" | "entropy"): Promise<void> {
    const { width, height } = await this.size();
    await this.#settle();
    const pipeline = this.#pipeline.clone();
    const [first] = await this.#splitFrames();
    if (first === undefined) return;
    const { info } = await this.#run(first.resize({ ...box, fit: "cover", position: focus }).raw());
    this.#pipeline = pipeline;
    const scale = Math.max(box.width / width, box.height / height);
    const scaled = {
      width: Math.max(box.width, Math.round(scale * width)),
      height: Math.max(box.height, Math.round(scale * height)),
    };
    await this.resize(scaled);
    const left = Math.min(Math.abs(info.cropOffsetLeft ?? 0), scaled.width - box.width);
    const top = Math.min(Math.abs(info.cropOffsetTop ?? 0), scaled.height - box.height);
    await this.extract({ left, top, ...box });
  }
}

/** libvips takes a channel for background that differs by no more than the threshold. */
const TRIM = { background: "#ffffff", threshold: 5, lineArt: true };

const isWhite = async (frame: Sharp): Promise<boolean> => {
  const { channels } = await frame.clone().stats();
  return channels.every(({ min }) => min >= 255 - TRIM.threshold);
};
