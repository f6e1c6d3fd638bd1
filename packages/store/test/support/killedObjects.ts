import { patternBytes } from "./samples.ts";

/** What the killed process stores: the URL says everything about the content, so that anyone can check it. */
export const headFor = (url: string, generation: number): Buffer => Buffer.from(`${url}\n${generation}`);

export const bodyFor = (url: string): Buffer => {
  const [, seed, length] = url.split("/");
  return patternBytes(Number(length), Number(seed));
};

export const VHOST = "killed.example";
/** Small enough for segments of the smallest size to rotate. */
export const QUOTA_BYTES = 16 * 1024 * 1024;
