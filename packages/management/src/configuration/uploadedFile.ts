import type { UploadedBody } from "../route.ts";
import { readFormField } from "./multipart.ts";

/**
 * The file of an upload: the field `fieldName` of a form (CFG-80), or the whole body where it is no form, as the
 * callers of CFG-81 send it that the guide names SOAP (OPEN 16 of spec 01). Undefined when there is none.
 */
export const readUploadedFile = ({ contentType, bytes }: UploadedBody, fieldName: string): Buffer | undefined => {
  if (/^\s*application\/x-www-form-urlencoded/i.test(contentType)) return undefined;
  const file = /^\s*multipart\//i.test(contentType) ? readFormField(bytes, contentType, fieldName) : bytes;
  return file === undefined || file.length === 0 ? undefined : file;
};
