import sharp from "sharp";
import { readFileSync } from "node:fs";
import { readJpeg } from "./jpeg/source.ts";
import { SymbolStream } from "./jpeg/symbolStream.ts";
import { codeBand, codeRefinement } from "./jpeg/codeProgressive.ts";
import { chooseScans } from "./jpeg/chooseScans.ts";
const photo = readFileSync("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu/share/doc/rust/html/embedded-book/assets/f3.jpg");
const src = await sharp(photo).resize(200).jpeg({ quality: 92, optimiseCoding: false }).toBuffer();
const cpu = (name: string, n: number, f: () => void) => { for (let i=0;i<n;i++) f(); const t = process.cpuUsage(); for (let i=0;i<n;i++) f(); const d = process.cpuUsage(t); console.log(name, ((d.user+d.system)/n).toFixed(0), "us"); };
const j = readJpeg(src);
console.log(j.coefficients.components.map(c => [c.blocksWide, c.blocksHigh]));
const c0 = j.coefficients.components[0]!;
const s = new SymbolStream();
for (let k = 0; k < 2; k++) {
cpu("read", 200, () => readJpeg(src));
for (const low of [0,1,2]) {
cpu("band"+low, 200, () => { s.clear(); codeBand(s, j.coefficients.tokens, c0, { start: 1, end: 63, low }); });
console.log(s.count, s.plainBits);
cpu("refine"+low, 200, () => { s.clear(); codeRefinement(s, j.coefficients.tokens, c0, { start: 1, end: 63, low }); });
console.log(s.count, s.plainBits);
}
cpu("choose", 50, () => { chooseScans(j.coefficients, s); });
}
