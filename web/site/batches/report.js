/** The report of a batch: a CSV file with a row for each task, as `darkroom batch` writes it. */

import { getPatiently } from "../api.js";
import { element } from "../dom.js";
import { batchTitle } from "../words.js";

const PAGE = 100;
const COLUMNS = ["source", "name", "status", "error", "message", "taskId"];
/** What a spreadsheet would evaluate as a formula (OWASP: CSV injection). */
const FORMULA = /^(?:['\t\r\n]|\s*[=+\-@＝＋－＠])/u;

/**
 * Saves the report of a batch as a file.
 * @param {Object} batch
 * @param {function(number): boolean} goesOn is called with the number of tasks that were read;
 *   false: the report is not wanted any more
 * @throws {ApiError}
 */
export async function saveReport(batch, goesOn) {
  const rows = [COLUMNS];
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
    const path = `batches/${encodeURIComponent(batch.batchId)}/tasks?${query}`;
    const { body } = await getPatiently(path);
    rows.push(...body.tasks.map(row));
    cursor = body.cursor;
    if (!goesOn(rows.length - 1)) return;
  } while (cursor);
  const text = rows.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
  const file = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  element("a", { href: file, download: `${batchTitle(batch)} report.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
}

function row({ source, name, status, failure, taskId }) {
  const { imageUrl, uploadId, object, line } = source ?? {};
  const place = imageUrl ?? object ?? line ?? name ?? uploadId;
  return [place, name, status, failure?.error, failure?.message, taskId];
}

/** Returns a value as a quoted cell, which no spreadsheet evaluates. */
function cell(value) {
  const text = String(value ?? "");
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
