import { Channel, portToParent } from "@basalt/ipc";
import { uploadByFtp } from "@basalt/telemetry/ftp";
import type { UploadOwner, UploadService } from "./logs/uploadProtocol.ts";

/** Composition root of the process that sends rotated logs to FTP servers; it lives as long as there are some to send. */

const channel = new Channel<UploadService, UploadOwner>(portToParent(), { upload: uploadByFtp }, {});
channel.onClose(() => process.exit(0));
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
