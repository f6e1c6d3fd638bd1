import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileReader, MediaFile } from "../../packages/media/test/interop/support/mediaFile.ts";
import { playlistTask, segmentingOf } from "../../packages/media/test/interop/support/streams.ts";
import { readPlaylist } from "../../packages/testkit/src/media/playlist.ts";
import { print } from "../lib/print.ts";

/**
 * Cuts a film into files of segments, as `ffmpeg -c copy -f hls` does: the code of the transform host in one thread of one
 * process. Arguments: film, folder, form, seconds. Does it twice and prints what the second time took, since a server has
 * its code compiled and the film's index at hand: seconds of CPU, seconds of the clock.
 */
const [film = "", folder = "", form = "ts", seconds = "10"] = process.argv.slice(2);
const segmenting = segmentingOf(form === "fmp4" ? "fmp4" : "ts", Number(seconds));
const opened = MediaFile.open(new FileReader(film), "mp4");
if (opened.kind === "unreadable") throw new Error(opened.detail);
const { file } = opened;
const text = file.text(playlistTask(segmenting));
const { segments } = readPlaylist(text);
const cut = (): void => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.m3u8"), text);
  for (let number = 0; number < segments.length; number++) {
    file.withBytes({ kind: "segment", number, segmenting, cut: undefined, encryption: undefined }, (body) =>
      writeFileSync(join(folder, `${number}.ts`), body),
    );
  }
};
cut();
// Into new files both times, as ffmpeg does.
rmSync(folder, { recursive: true });
const [cpuBefore, startedMs] = [process.cpuUsage(), performance.now()];
cut();
const { user, system } = process.cpuUsage(cpuBefore);
print(`${(user + system) / 1e6} ${(performance.now() - startedMs) / 1000}`);
