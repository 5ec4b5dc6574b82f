/** Results as files of the person's computer: their names, and how they get there. */

import { ApiError } from "./api.js";
import { element } from "./dom.js";

const IMAGE = /\.(avif|bmp|gif|heic|heif|j2k|jp2|jpe?g|jpf|jpx|png|tiff?|webp)$/i;
/** The extensions of a format, if there are several; the first one is usual. */
const EXTENSIONS = { jpeg: ["jpg", "jpeg"], tiff: ["tif", "tiff"] };

/** Whether a file is an image, by its name. */
export const isImageName = (name) => IMAGE.test(name);

/**
 * Returns the file name of a result: that of its source. Only a wrong extension is changed.
 * @param {string} name
 * @param {string} contentType of the result
 * @param {string} [suffix] to put before the extension
 */
export function resultName(name, contentType, suffix = "") {
  const format = contentType.replace("image/", "");
  const right = EXTENSIONS[format] ?? [format];
  const [dotted = "", extension = ""] = IMAGE.exec(name) ?? [];
  const stem = name.slice(0, name.length - dotted.length);
  return `${stem}${suffix}.${right.includes(extension.toLowerCase()) ? extension : right[0]}`;
}

/**
 * Reads the result of a task from S3.
 * @returns {Promise<Blob>}
 * @throws {ApiError}
 */
export async function readResult({ result }) {
  if (!result) throw new ApiError(410, "NoResult", "The result has expired.");
  let answer;
  try {
    answer = await fetch(result.url);
    if (answer.ok) return await answer.blob();
  } catch {
    throw new ApiError(0, "NoAnswer", "The result could not be loaded. Try again.");
  }
  throw new ApiError(answer.status, "Refused", `S3 returned ${answer.status}. Try again.`);
}

/** Saves a file where the browser puts its downloads. */
export function download(file, name) {
  const href = URL.createObjectURL(file);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
