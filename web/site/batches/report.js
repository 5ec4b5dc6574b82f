/** The report of a batch: a CSV file with a row for each task, as `darkroom batch` writes it. */

import { getAll } from "../api.js";
import { tasksOf } from "./batch-parts.js";
import { download } from "../files.js";
import { batchTitle } from "../words.js";

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
  for await (const tasks of getAll(tasksOf(batch))) {
    rows.push(...tasks.map(row));
    if (!goesOn(rows.length - 1)) return;
  }
  const text = rows.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
  download(new Blob([text], { type: "text/csv" }), `${batchTitle(batch)} report.csv`);
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
