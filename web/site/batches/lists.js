/** Lists of images that people paste or choose: what `POST /batches` takes as a manifest. */

import { ApiError } from "../api.js";

/** The media type of an uploaded manifest, by its format. */
export const TYPES = { csv: "text/csv", jsonl: "application/x-ndjson" };
/** Files that the API reads as they are, by their extension. */
const FORMATS = { csv: "csv", tsv: "csv", jsonl: "jsonl", ndjson: "jsonl" };
const EXTENSION = /\.(csv|tsv|jsonl|ndjson|json|txt)$/i;
/** The first line of CSV, maybe after a hint for Excel, names a column that is needed. */
const HEADER = /^("?sep=.*\r?\n)?(.*[,;\t|])?\s*"?(imageUrl|uploadId)"?\s*([,;\t|\r\n]|$)/i;

/** Whether a file is a list, by its name. */
export const isList = (file) => EXTENSION.test(file.name);

/**
 * Returns the manifest in a file.
 * @returns {Promise<{format: string, content: Blob|string, options: Object}>} as `manifestOf`
 * @throws {ApiError} it is not valid JSON
 */
export async function readList(file) {
  const format = FORMATS[EXTENSION.exec(file.name)[1].toLowerCase()];
  if (format) return { format, content: file, options: {} };
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [first, second] = bytes;
  const utf16 = first === 0xff && second === 0xfe ? "utf-16le"
    : first === 0xfe && second === 0xff ? "utf-16be" : null;
  return manifestOf(new TextDecoder(utf16 ?? "utf-8").decode(bytes));
}

/**
 * Returns the manifest in a text: CSV with a header, JSON Lines, JSON, or a URL on each line.
 * The API reads its items, and reports what is wrong with each line.
 * @returns {{format: string, content: string, options: Object}} `options`: the other fields of a
 *   body of `POST /batches`, if the text is one
 * @throws {ApiError} it is not valid JSON
 */
export function manifestOf(text) {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) return ofJson(trimmed);
  if (HEADER.test(trimmed)) return { format: "csv", content: text, options: {} };
  // An empty line stays, so that the API counts lines as the person does.
  const urls = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).map((line) => line.trim());
  return lines(urls.map((imageUrl) => imageUrl && { imageUrl }));
}

function ofJson(text) {
  let whole;
  try {
    whole = JSON.parse(text);
  } catch (error) {
    if (isJson(text.split("\n", 1)[0])) return { format: "jsonl", content: text, options: {} };
    throw new ApiError(0, "NoList", `This list is not valid JSON: ${error.message}`);
  }
  const { sources, ...options } = whole;
  const items = Array.isArray(whole) ? whole : sources;
  if (!Array.isArray(items)) return lines([whole]);
  const listed = lines(items.map((item) => (typeof item === "string" ? { imageUrl: item } : item)));
  return Array.isArray(whole) ? listed : { ...listed, options };
}

function lines(items) {
  const content = items.map((item) => (item === "" ? "" : JSON.stringify(item))).join("\n");
  return { format: "jsonl", content, options: {} };
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
