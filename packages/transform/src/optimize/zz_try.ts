import sharp from "sharp";
import { readFileSync } from "node:fs";
import { optimizeJpeg } from "./optimizeJpeg.ts";
const photo = readFileSync("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/share/doc/rust/html/embedded-book/assets/f3.jpg");
console.log(await sharp(photo).metadata());
const raw = (b: Uint8Array) => sharp(b).raw().toBuffer();
for (const [w, q] of [[200, 75],[200,92], [400, 80],[639,85], [800,75],[800, 92], [2600, 80],[2600,90]] as const)
for (const opt of [{}, { progressive: true }, { chromaSubsampling: "4:4:4" }, {mozjpeg:true}]) {
  const src = await sharp(photo).resize(w).jpeg({ quality: q, ...opt }).toBuffer();
  let out;
  const times = [];
  for (let i = 0; i < (w>1000?5:40); i++) { const t = performance.now(); out = optimizeJpeg(src, { stripsMetadata: true }); times.push(performance.now() - t); }
  times.sort((a, b) => a - b);
  const same = out && Buffer.compare(await raw(src), await raw(out)) === 0;
  console.log(w, q, JSON.stringify(opt), src.length, out?.length, out && (100 * (1 - out.length / src.length)).toFixed(1) + "%", same, times[times.length>>1].toFixed(2), out && (await sharp(out).metadata()).isProgressive);
}
