import sharp from "sharp";
import { readFileSync } from "node:fs";
import { optimizeJpeg } from "./optimizeJpeg.ts";
const photo = readFileSync("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/share/doc/rust/html/embedded-book/assets/f3.jpg");
const cases = [];
for (const [w, q] of [[200,92],[420, 85], [2400,94]] as const) cases.push([w, await sharp(photo).resize(w).jpeg({ quality: q, optimiseCoding:false }).toBuffer()] as const);
for (const [w, src] of cases) {
  const times = []; let out;
  for (let i = 0; i < (w>1000?8:100); i++) { const t = process.cpuUsage(); out = optimizeJpeg(src, { stripsMetadata: true }); const d = process.cpuUsage(t); times.push((d.user+d.system)/1000); }
  times.sort((a, b) => a - b);
  console.log(w, src.length, out?.length, out && (100 * (1 - out.length / src.length)).toFixed(1) + "%", "median", times[times.length>>1]?.toFixed(2), "min", times[0]?.toFixed(2));
}
