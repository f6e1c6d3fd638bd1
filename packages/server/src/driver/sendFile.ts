import type { LibraryHandle } from "koffi";

/** From a file to a socket: the count, or the negated number of the system's error. */
type SendFile = (socket: number, file: number, position: number, length: number) => number;

/** The kernel's buffer for the connection is full, or a signal came. */
const BUSY: readonly number[] = [11, 4];
/** No call of this kernel, or of this kind of file system. */
const IMPOSSIBLE: readonly number[] = [22, 38, 95];

let sendFile: SendFile | undefined;

/** Called once in a process, before it serves; without the library, or where it has no binary, bodies are read and written. */
export const openSendFile = async (): Promise<void> => {
  if (process.platform !== "linux") return;
  try {
    const { default: koffi } = await import("koffi");
    sendFile = bind(koffi.load(null), () => koffi.errno());
  } catch {
    sendFile = undefined;
  }
};

/** Boundary to libc. Descriptors and numbers are all that is passed, and the position by a pointer. */
const bind = (libc: LibraryHandle, errno: () => number): SendFile => {
  const call = libc.func("int64_t sendfile(int socket, int file, int64_t *position, size_t length)");
  const position = new BigInt64Array(1);
  return (socket, file, start, length) => {
    position[0] = BigInt(start);
    const count: unknown = call(socket, file, position, length);
    return typeof count === "number" && count >= 0 ? count : -errno();
  };
};

/**
 * Bytes of the file that the socket has taken, at most `length`; 0 when it takes none now. "impossible": the bytes have to
 * be read, "broken": nothing can be sent any more.
 */
export const sendFromFile = (
  socket: number,
  file: number,
  position: number,
  length: number,
): number | "impossible" | "broken" => {
  if (sendFile === undefined) return "impossible";
  const count = sendFile(socket, file, position, length);
  if (count > 0) return count;
  // At the end of a file that became shorter.
  if (count === 0) return "impossible";
  if (BUSY.includes(-count)) return 0;
  if (!IMPOSSIBLE.includes(-count)) return -count === EIO ? "impossible" : "broken";
  sendFile = undefined;
  return "impossible";
};

const EIO = 5;
