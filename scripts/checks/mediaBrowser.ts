import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isRecord } from "../../infra/lib/json.ts";
import { startProcess, stopProcess } from "../../infra/lib/processes.ts";
import type { CorpusName } from "../../packages/testkit/src/media/index.ts";
import type { Findings } from "./findings.ts";
import { hostName, type MediaHost, type MediaScene, playMediaScene } from "./mediaScene.ts";

const LIMIT_MS = 90_000;

interface Play {
  readonly title: string;
  readonly host: MediaHost;
  readonly name: CorpusName;
  readonly target: string;
  /** Where the player is sent after its first two seconds. */
  readonly seekSeconds: number;
  readonly hasPicture: boolean;
}

const hls = (name: string): string => `/play/${name}/${name.endsWith(".mp3") ? "mp3hls" : "mp4hls"}/index.m3u8`;
const play = (title: string, host: MediaHost, name: CorpusName, seekSeconds: number, target = hls(name)): Play => ({
  title,
  host,
  name,
  target,
  seekSeconds,
  hasPicture: name.endsWith(".mp4"),
});

/** Not among them: open groups of pictures, in which Chromium seeks only to pictures that stand for themselves (IDR). */
const PLAYS: readonly Play[] = [
  play("HLS version 3", "ts", "keyframes.mp4", 40),
  play("HLS version 1", "first", "keyframes.mp4", 40),
  play("master playlist", "master", "high.mp4", 7),
  play("fMP4", "fmp4", "main.mp4", 7),
  play("fMP4 with AV1", "fmp4", "av1.mp4", 3.5),
  play("AES-128", "locked", "main.mp4", 7),
  play("a section as HLS", "ts", "keyframes.mp4", 12, "/play/keyframes.mp4?start=20&end=50/mp4hls/index.m3u8"),
  play("M4A", "ts", "sound.m4a", 20),
  play("MP3 in transport streams", "ts", "constant.mp3", 20),
  play("MP3 in pieces", "first", "constant.mp3", 20),
];

/** What the page writes down of itself. */
interface Report {
  readonly state: string;
  readonly firstSeconds: number;
  readonly seekedSeconds: number;
  readonly pictures: number;
  readonly errors: readonly string[];
}

const page = (title: string, target: string, seekSeconds: number): string => `<!doctype html>
<html><head><meta charset="utf-8"><title>${title}</title></head>
<body style="font:16px sans-serif"><p>${title}: ${target}</p><video id="video" muted controls width="480"></video>
<script src="/hls.min.js"></script>
<script>
const video = document.getElementById("video");
const report = { state: "starting", firstSeconds: 0, seekedSeconds: 0, pictures: 0, errors: [] };
window.report = report;
const hls = new Hls({ enableWorker: false });
hls.on(Hls.Events.ERROR, (event, data) => {
  report.errors.push(data.details + (data.fatal ? " (fatal)" : "") + (data.reason ? ": " + data.reason : ""));
  if (data.fatal) report.state = "failed";
});
hls.loadSource(${JSON.stringify(target)});
hls.attachMedia(video);
hls.on(Hls.Events.MANIFEST_PARSED, () => {
  report.state = "playing";
  video.play().catch((error) => report.errors.push(String(error)));
});
video.addEventListener("timeupdate", () => {
  report.pictures = video.getVideoPlaybackQuality().totalVideoFrames;
  if (report.state === "playing") {
    report.firstSeconds = video.currentTime;
    if (video.currentTime >= 2) { report.state = "seeking"; video.currentTime = ${seekSeconds}; }
  } else if (report.state === "seeking" && !video.seeking) {
    report.seekedSeconds = video.currentTime;
    if (video.currentTime >= ${seekSeconds} + 1) report.state = "done";
  }
});
</script></body></html>`;

/** A page of Chromium, driven by its DevTools protocol. */
class Browser {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Record<string, unknown>) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const message: unknown = JSON.parse(String(data));
      if (!isRecord(message) || typeof message.id !== "number") return;
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
  }

  static async connect(address: string): Promise<Browser> {
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error(`${address} does not answer`)), { once: true });
    });
    return new Browser(socket);
  }

  async call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    this.#calls += 1;
    const id = this.#calls;
    const answer = new Promise<Record<string, unknown>>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result } = await answer;
    return isRecord(result) ? result : {};
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.call("Runtime.evaluate", { expression, returnByValue: true });
    return isRecord(result) ? result.value : undefined;
  }

  close(): void {
    this.#socket.close();
  }
}

const readReport = (value: unknown): Report | undefined => {
  if (!isRecord(value) || !Array.isArray(value.errors)) return undefined;
  return {
    state: String(value.state),
    firstSeconds: Number(value.firstSeconds),
    seekedSeconds: Number(value.seekedSeconds),
    pictures: Number(value.pictures),
    errors: value.errors.map(String),
  };
};

/** The page's address in Chromium's list of targets, once it listens. */
const findPage = async (profile: string): Promise<string> => {
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    try {
      const [port = ""] = readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n");
      const targets: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      const found = Array.isArray(targets) ? targets.filter(isRecord).find(({ type }) => type === "page") : undefined;
      if (found !== undefined) return String(found.webSocketDebuggerUrl);
    } catch {
      // Not yet.
    }
    if (Date.now() > until) throw new Error("Chromium does not start");
    await delay(100);
  }
};

const watch = async (browser: Browser, scene: MediaScene, { host, title }: Play, index: number): Promise<Report> => {
  await browser.call("Page.navigate", { url: `http://${hostName(host)}:${scene.edge.port}/page-${index}.html` });
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    const report = readReport(await browser.evaluate("window.report"));
    if (report !== undefined && (report.state === "done" || report.state === "failed")) return report;
    if (Date.now() > until) {
      if (report === undefined) throw new Error(`${title}: the page says nothing`);
      return report;
    }
    await delay(200);
  }
};

/** hls.js in headless Chromium plays through the edge: time goes on, a seek lands, pictures are shown. */
export const checkBrowser = async (
  findings: Findings,
  out: string,
  files: readonly string[] | undefined,
): Promise<void> => {
  const plays = PLAYS.filter(({ name }) => files?.includes(name) ?? true);
  const player = readFileSync(createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js"));
  await mkdir(out, { recursive: true });
  await playMediaScene({}, async (scene) => {
    scene.origin.on("/hls.min.js").reply(200, { "Content-Type": "text/javascript" }, player);
    for (const [index, { title, name, target, seekSeconds }] of plays.entries()) {
      await scene.serve(name);
      const html = page(title, target, seekSeconds);
      scene.origin.on(`/page-${index}.html`).reply(200, { "Content-Type": "text/html" }, html);
    }
    const profile = join(scene.folder, "profile");
    const chromium = startProcess("chromium", [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"],
      ...["--disable-background-networking", "--autoplay-policy=no-user-gesture-required", "--window-size=640,520"],
      ...[
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "--host-resolver-rules=MAP *.media.test 127.0.0.1",
      ],
      "about:blank",
    ]);
    try {
      const browser = await Browser.connect(await findPage(profile));
      for (const [index, each] of plays.entries()) {
        const { state, firstSeconds, seekedSeconds, pictures, errors } = await watch(browser, scene, each, index);
        const isWell =
          state === "done" &&
          firstSeconds >= 2 &&
          seekedSeconds > each.seekSeconds &&
          (pictures > 0 || !each.hasPicture);
        const said = `${firstSeconds.toFixed(1)} s played, ${seekedSeconds.toFixed(1)} s after the seek to ${each.seekSeconds} s, ${pictures} pictures`;
        const trouble = errors.length === 0 ? "" : `; hls.js: ${errors.slice(0, 3).join(", ")}`;
        findings.expect(isWell, `Chromium, ${each.title}, ${each.name}: ${state}, ${said}${trouble}`);
        const { data } = await browser.call("Page.captureScreenshot", { format: "png" });
        if (typeof data === "string") await writeFile(join(out, `player-${index}.png`), Buffer.from(data, "base64"));
      }
      browser.close();
    } finally {
      await stopProcess(chromium, 3000);
    }
  });
  findings.target(true, `screenshots are in ${out}`);
};
