export type { FtpAccess, UploadClient, UploadFile, UploadJob, UploadOutcome, UploadRequest } from "./contract.ts";
export { Uploader, type UploaderParts } from "./uploader.ts";
export { UploadLog } from "./uploadLog.ts";
export { UploadQueue } from "./uploadQueue.ts";
