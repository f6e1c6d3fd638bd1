import type { ImageTask } from "@basalt/policy/dims";
import type { TransformOutcome } from "../contract.ts";
import { DESCRIPTION_TYPE, describeImage } from "../describe/index.ts";
import { optimizeImage, stripLocation, stripMetadata } from "../optimize/index.ts";
import { applyStep } from "./applyStep.ts";
import { CONTENT_TYPES, encodePicture } from "./encode.ts";
import { checkSize } from "./limits.ts";
import { Picture, type PictureContext } from "./picture.ts";
import { planColours, planConversion } from "./plan.ts";
import { ImageRefusal, refuseConversion } from "./refusal.ts";
import { readSourceFacts } from "./sourceFacts.ts";

/** libvips gives up what takes longer, so that a thread comes back even if nobody else ends it. */
const DEADLINE_SECONDS = 60;

/**
 * Runs the commands of a task on a picture. Never throws for what is in the source or the task: "unreadable" where the
 * bytes cannot be decoded, "conversion" for what cannot be done.
 */
export const convertImage = async (task: ImageTask, source: Uint8Array<ArrayBuffer>): Promise<TransformOutcome> => {
  const begun = { wallMs: performance.now(), cpu: process.cpuUsage() };
  try {
    const result = await convert(task, source);
    if (result === undefined) return { kind: "unchanged", reason: "the result is the source" };
    return { kind: "done", ...result, cpuMs: spentMs(begun) };
  } catch (error) {
    if (error instanceof ImageRefusal) return { kind: "refused", reason: error.reason, detail: error.message };
    throw error;
  }
};

/** libvips works on threads of its own, one for each job: what the process used is the most that this one can have. */
const spentMs = (begun: { readonly wallMs: number; readonly cpu: NodeJS.CpuUsage }): number => {
  const { user, system } = process.cpuUsage(begun.cpu);
  return Math.min(performance.now() - begun.wallMs, (user + system) / 1000);
};

interface Converted {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

const convert = async (task: ImageTask, source: Uint8Array<ArrayBuffer>): Promise<Converted | undefined> => {
  const { settings } = task;
  const facts = await readSourceFacts(source, settings);
  const plan = planConversion(task.commands, facts, settings);
  if (plan.frames > settings.maxFrames) refuseConversion(`${plan.frames} frames are beyond the limit`);
  checkSize(settings, facts.width, facts.height, plan.frames);
  const colours = planColours(plan, facts, settings);
  const context: PictureContext = { facts, plan, colours, settings, deadlineSeconds: DEADLINE_SECONDS };
  const picture = new Picture(source, context);
  for (const step of plan.steps) await applyStep(picture, step);
  if (plan.describes !== undefined) return describe(picture, plan.describes);
  const contentType = CONTENT_TYPES[plan.format];
  if (!picture.isChanged && plan.quality === undefined && !needsSrgb(context)) {
    const body = await polish(source, context, false);
    return body === source ? undefined : { body, contentType };
  }
  const body = await polish(await encodePicture(picture), context, true);
  if (settings.keepsSmaller && !picture.isChanged && body.byteLength >= source.byteLength) {
    const kept = await polish(source, context, false);
    return kept === source ? undefined : { body: kept, contentType };
  }
  return { body, contentType };
};

const needsSrgb = ({ settings, facts, plan }: PictureContext): boolean =>
  settings.convertsToSrgb && plan.frames === 1 && (facts.hasProfile || facts.space === "cmyk");

/** What is done to the file and not to its pixels. */
const polish = async (
  file: Uint8Array<ArrayBuffer>,
  { plan, settings }: PictureContext,
  isOurs: boolean,
): Promise<Uint8Array<ArrayBuffer>> => {
  let body = file;
  if (plan.strips && !isOurs) body = stripMetadata(body) ?? body;
  if (settings.stripsLocation && !plan.strips) body = stripLocation(body) ?? body;
  if (plan.optimizes) body = (await optimizeImage(body, { stripsMetadata: plan.strips })) ?? body;
  return body;
};

const describe = async (
  picture: Picture,
  form: NonNullable<PictureContext["plan"]["describes"]>,
): Promise<Converted> => {
  const { facts, plan } = picture.context;
  const { width, height } = await picture.size();
  const described = {
    format: plan.format,
    width,
    height,
    frames: facts.frames,
    orientation: plan.orientsFirst ? 1 : facts.orientation,
    hasAlpha: picture.hasAlpha,
  };
  return { body: await describeImage(form, described, () => picture.readPixels()), contentType: DESCRIPTION_TYPE };
};
