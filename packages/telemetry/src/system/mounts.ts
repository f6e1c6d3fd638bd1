export interface Mount {
  readonly major: number;
  readonly minor: number;
  readonly folder: string;
  readonly fileSystem: string;
  /** E.g. `/dev/sda1`; a word of the file system's own for those without a device. */
  readonly source: string;
}

/** Blanks, tabs, line feeds and backslashes are written as three octal digits. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** /proc/self/mountinfo, in the order of mounting. */
export const parseMounts = (text: string): readonly Mount[] =>
  text.split("\n").flatMap((line) => {
    const [front = "", back = ""] = line.split(" - ", 2);
    const [, , device = "", , folder] = front.split(" ");
    const [fileSystem = "", source = ""] = back.split(" ");
    const numbers = /^(\d+):(\d+)$/.exec(device);
    if (numbers === null || folder === undefined || fileSystem === "") return [];
    return [
      {
        major: Number(numbers[1]),
        minor: Number(numbers[2]),
        folder: unescapeOctal(folder),
        fileSystem,
        source: unescapeOctal(source),
      },
    ];
  });

/** The mount that a path lies on: the last one of the longest folder. */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined => {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isAbove = mount.folder === "/" || path === mount.folder || path.startsWith(`${mount.folder}/`);
    if (isAbove && mount.folder.length >= (found?.folder.length ?? 0)) found = mount;
  }
  return found;
};
