import { createHmac } from "node:crypto";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect } from "vitest";
import type { RawResponse } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

/** What the configuration says of pictures by URL: choices, names, keys, and what goes beyond the guide. */

const JPEG = { "Content-Type": "image/jpeg", ETag: '"v1"' };
const MARK = join(import.meta.dirname, "support/mark.png");
const SECRET = "a secret of this scene";
const CHROME = "image/avif,image/webp,*/*;q=0.8";

const jpeg = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: 40, g: 90, b: 160 } } })
    .jpeg({ quality: 90 })
    .toBuffer();

const options = (dims: string, others = "") => ({
  xml: `<Options><Dims Status="Active">${dims}</Dims>${others}</Options>`,
});

const sizeOf = async ({ body }: RawResponse): Promise<string> => {
  const { width, height } = await sharp(body).metadata();
  return `${width}x${height}`;
};

const pixelsOf = ({ body }: RawResponse): Promise<Buffer> => sharp(body).removeAlpha().raw().toBuffer();

describe("rules of pictures by URL", () => {
  scenario(
    "DIMS-42, DIMS-80 to DIMS-85: the size of the source chooses, at its place in the chain",
    options(`<ByOriginal Name="size1"><Condition Width="1024" Height="768">/quality/50/</Condition>
      <Condition>/resize/1024x768/</Condition></ByOriginal>
      <ByOriginal Name="small"><Condition Width="10">/resize/5x5!/</Condition></ByOriginal>`),
    async ({ origin, edge }) => {
      origin.on("/small.jpg").reply(200, JPEG, await jpeg(800, 600));
      origin.on("/large.jpg").reply(200, JPEG, await jpeg(2000, 1000));
      const sizes = {
        "/small.jpg/dims/byoriginal/size1/": "800x600",
        "/large.jpg/dims/byoriginal/size1/": "1024x512",
        "/large.jpg/dims/byoriginal/size1/resize/100": "100x50",
        "/small.jpg/dims/byoriginal/small/": "800x600",
      };
      for (const [path, size] of Object.entries(sizes)) {
        expect([path, await sizeOf(await edge.get(path).expect(200))]).toEqual([path, size]);
      }
      await edge.get("/small.jpg/dims/byoriginal/none/").expect(500);
    },
  );

  scenario(
    "DIMS-19, DIMS-20: query string and case count as the host says, also for who purges",
    options("", "<ApplyQueryString>OFF</ApplyQueryString><CaseSensitive>OFF</CaseSensitive>"),
    async ({ origin, edge }) => {
      origin.on("/img.jpg").reply(200, JPEG, await jpeg(80, 60));
      for (const path of ["/img.jpg?session=5234&type=37/dims/resize/40x40/", "/IMG.jpg/DIMS/Resize/40X40/?t=9"]) {
        expect(await sizeOf(await edge.get(path).expect(200))).toBe("40x30");
      }
      expect(origin.requests.map(({ target }) => target)).toEqual(["/img.jpg"]);
      await edge.stored("/img.jpg/dims/resize/40x40/");
      expect(await edge.purge("/img.jpg?session=1/dims/resize/40x40/")).toBe(1);
      expect(await edge.fileInfo("/img.jpg")).toMatchObject([{ Purge: "N" }]);
    },
  );

  scenario(
    "issue 9: format/auto keeps results apart by what clients take, and says so",
    options('<FormatAuto>avif,webp</FormatAuto><Preset Name="card">/resize/40x40/format/auto/</Preset>'),
    async ({ origin, edge }) => {
      origin.on("/a.jpg").reply(200, JPEG, await jpeg(80, 60));
      const asked = async (accept: string): Promise<RawResponse> =>
        await edge.get("/a.jpg/dims/preset/card/", { headers: { Accept: accept } }).expect(200, undefined, {
          vary: /accept/i,
        });
      for (const [accept, type] of [
        [CHROME, "image/avif"],
        ["image/webp", "image/webp"],
        ["*/*", "image/jpeg"],
        [CHROME, "image/avif"],
      ] as const) {
        expect((await asked(accept)).field("content-type")).toBe(type);
      }
      expect(origin.saw("/a.jpg")).toBe(1);
      await edge.stored("/a.jpg/dims/preset/card/", 3);
      await edge.get("/a.jpg/dims/format/webp/").expect(500);
    },
  );

  scenario(
    "issue 9: only signed commands are carried out",
    options(`<Signature Key="${SECRET}"/>`),
    async ({ origin, edge }) => {
      origin.on("/a.jpg?v=1").reply(200, JPEG, await jpeg(80, 60));
      const sign = (text: string): string => createHmac("sha256", SECRET).update(text).digest("hex");
      const signature = sign("/a.jpg?v=1/dims/resize/40x40/");
      const signed = await edge.get(`/a.jpg?v=1/dims/sign/${signature}/resize/40x40/`).expect(200);
      expect(await sizeOf(signed)).toBe("40x30");
      await edge.get("/a.jpg?v=1/dims/resize/40x40/").expect(500);
      await edge.get(`/a.jpg?v=1/dims/sign/${signature}/resize/60x60/`).expect(500);
      await edge.get(`/a.jpg?v=1/dims/sign/${"0".repeat(64)}/resize/40x40/`).expect(500);
      await edge.get("/a.jpg?v=1").expect(200);
    },
  );

  scenario(
    "DIMS-110 to DIMS-112: a text out of the query string is drawn, and is part of the URL",
    options('<Annotation Name="title" FontSize="30" FontColor="#FFFFFF" Dissolve="100">$QUERYSTRING[msg]</Annotation>'),
    async ({ origin, edge }) => {
      const picture = await jpeg(160, 60);
      for (const query of ["msg=AAA", "msg=BBB", "msg="]) origin.on(`/a.jpg?${query}`).reply(200, JPEG, picture);
      const drawn = async (query: string): Promise<Buffer> =>
        pixelsOf(await edge.get(`/a.jpg?${query}/dims/format/png/annotation/title/`).expect(200));
      const [first, second, none] = [await drawn("msg=AAA"), await drawn("msg=BBB"), await drawn("msg=")];
      const plain = await sharp(picture).raw().toBuffer();
      expect(Math.max(...first) > 200 && Math.max(...second) > 200).toBe(true);
      expect(first.equals(second)).toBe(false);
      expect(none.equals(plain)).toBe(true);
      await edge.get("/a.jpg?msg=AAA/dims/annotation/other/").expect(500);
    },
  );

  scenario(
    "DIMS-41, DIMS-71, DIMS-74: another composite under the name shows at once; a file that is not there fails",
    options('<Composite Name="mark" File="/nowhere/mark.png"/>'),
    async ({ origin, edge }) => {
      origin.on("/a.jpg").reply(200, JPEG, await jpeg(100, 80));
      const path = "/a.jpg/dims/format/png/composite/mark/";
      const failed = await edge.get(path).expect(500);
      expect(failed.text).toContain("Image converting failed or invalid DIMS command.");
      const seen: Buffer[] = [];
      for (const dissolve of [0, 100]) {
        const composite = `<Composite Name="mark" File="${MARK}" Dissolve="${dissolve}"/>`;
        const others = edge.cluster.configuration.vhosts.filter(({ name }) => name !== edge.host);
        const vhosts = [...others, { name: edge.host, origin: origin.address, ...options(composite) }];
        expect((await edge.cluster.reload({ vhosts })).status).toBe("OK");
        seen.push(await pixelsOf(await edge.get(path).expect(200)));
      }
      const [invisible, covering] = seen;
      expect(
        invisible?.equals(
          await sharp(await jpeg(100, 80))
            .raw()
            .toBuffer(),
        ),
      ).toBe(true);
      expect(covering !== undefined && invisible?.equals(covering)).toBe(false);
      expect(origin.saw("/a.jpg")).toBe(1);
    },
  );
});
