const box = (type: string, contentBytes: number, fill: (content: Buffer) => void = () => {}): Buffer => {
  const data = Buffer.alloc(8 + contentBytes);
  data.writeUInt32BE(data.length, 0);
  data.write(type, 4, "latin1");
  fill(data.subarray(8));
  return data;
};

/** An MP4 file by its boxes alone: a header in front of so many bytes, and media that take so many seconds. */
export const mp4File = (headerBytes: number, mediaBytes: number, seconds: number): Buffer => {
  const ftyp = box("ftyp", 16, (content) => content.write("isom", 0, "latin1"));
  const mvhd = box("mvhd", 100, (content) => {
    content.writeUInt32BE(1_000, 12);
    content.writeUInt32BE(seconds * 1_000, 16);
  });
  const moov = box("moov", headerBytes - ftyp.length - 8, (content) => {
    mvhd.copy(content);
    content.writeUInt32BE(content.length - mvhd.length, mvhd.length);
    content.write("trak", mvhd.length + 4, "latin1");
  });
  return Buffer.concat([ftyp, moov, box("mdat", mediaBytes - 8)]);
};
