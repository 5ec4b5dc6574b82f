/** Saves the results of a batch as files: in a folder, or where the browser puts its downloads. */

import { ApiError, getAll, pause, retried } from "../api.js";
import { failures, tasksOf } from "./batch-parts.js";
import { announce, element } from "../dom.js";
import { download, readResult, resultName } from "../files.js";
import { atOnce } from "../send.js";
import { batchTitle, count, title } from "../words.js";

/** Characters that not every file system allows in a name, and marks that turn its direction. */
const FORBIDDEN = /(?![\u200c\u200d])[/\\:*?"<>|\p{Cc}\p{Cf}]/gu;
/** Names of devices on Windows, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;
/** Seconds between downloads: browsers drop some of those that follow each other faster. */
const BETWEEN_DOWNLOADS = 0.5;

export class Results {
  node = element("div", { className: "saving" });
  isRunning = false;
  #isStopped = false;

  /** Saves no further results. Those that are being loaded are still saved. */
  stop() {
    this.#isStopped = true;
  }

  /**
   * Saves the results of the tasks that are COMPLETED, until `stop` or until the node is removed.
   * It must be called during a click: otherwise the browser lets nobody choose a folder.
   * @throws {ApiError} the folder cannot be used, or the tasks cannot be read
   */
  async save(batch) {
    this.isRunning = true;
    this.#isStopped = false;
    try {
      const place = await placeFor(batch);
      if (place) await this.#saveIn(place, batch);
    } finally {
      this.isRunning = false;
    }
  }

  async #saveIn({ name, save }, batch) {
    const all = count(batch.counts.COMPLETED, "result");
    const text = element("p", { ariaLive: "off" });
    const bar = element("progress", { max: batch.counts.COMPLETED, value: 0 });
    bar.setAttribute("aria-label", "Results");
    this.node.replaceChildren(text, bar);
    const taken = new Map();
    const failed = [];
    let saved = 0;
    const showProgress = (then = "") => {
      text.textContent = `${saved.toLocaleString()} of ${all} saved${then}`;
      bar.value = saved + failed.length;
    };
    showProgress();
    const wanted = () => !this.#isStopped && this.node.isConnected;
    for await (const tasks of getAll(tasksOf(batch), "COMPLETED")) {
      await atOnce(tasks, async (task) => {
        const path = task.result && pathOf(task, taken);
        try {
          await save(path, await retried(() => readResult(task)));
          saved += 1;
        } catch (error) {
          failed.push({ path: path ?? title(task), problem: error.message });
        }
        showProgress();
      }, wanted);
      if (!wanted()) break;
    }
    bar.remove();
    const lost = failed.length ? ` ${failed.length.toLocaleString()} failed.` : "";
    showProgress(` in ${name}.${lost}${wanted() ? "" : " Stopped."}`);
    if (failed.length) this.node.append(failures(failed));
    if (this.node.isConnected) announce(text.textContent);
  }
}

/**
 * Lets the person choose a folder. The results get a folder of their own in it: a person may choose
 * that of the sources, which have the same names.
 * @returns {Promise<?{name: string, save: function(string, Blob): Promise}>} null: none was chosen
 * @throws {ApiError}
 */
async function placeFor(batch) {
  if (!window.showDirectoryPicker) {
    const save = async (path, file) => {
      download(file, path); // the browser replaces the separators (HTML, 4.6.5)
      await pause(BETWEEN_DOWNLOADS);
    };
    return { name: "the downloads of this browser", save };
  }
  const id = batch.batchId.slice(0, 8);
  const name = safe(batchTitle({ ...batch, name: batch.name && `${batch.name} ${id}` }));
  try {
    const chosen = await showDirectoryPicker({ id: "results", mode: "readwrite" });
    const folder = await chosen.getDirectoryHandle(name, { create: true });
    return { name: `${chosen.name}/${name}`, save: (path, file) => write(folder, path, file) };
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw new ApiError(0, "NoFolder", `This folder cannot be used: ${error.message}`);
  }
}

async function write(folder, path, file) {
  const parts = path.split("/");
  const name = parts.pop();
  let place = folder;
  for (const part of parts) place = await place.getDirectoryHandle(part, { create: true });
  const handle = await place.getFileHandle(name, { create: true });
  const stream = await handle.createWritable();
  await stream.write(file);
  await stream.close();
}

/** Returns a path for a result, with the folders of its source, which no other result has. */
function pathOf(task, taken) {
  const safeTitle = title(task).split("/").map(safe).filter(Boolean).join("/") || task.taskId;
  const path = resultName(safeTitle, task.result.contentType);
  const dot = path.lastIndexOf(".");
  let found = path;
  let number = taken.get(folded(path)) ?? 1;
  while (taken.has(folded(found))) {
    number += 1;
    found = `${path.slice(0, dot)} (${number})${path.slice(dot)}`;
  }
  taken.set(folded(path), number).set(folded(found), number);
  return found;
}

/** Returns a name that every file system allows. */
function safe(name) {
  return name.replace(FORBIDDEN, "_").replace(/^[\s.]+|[\s.]+$/g, "").replace(RESERVED, "_$&");
}

/** Many file systems take two names for the same if they differ in case, or in the form of `é`. */
const folded = (path) => path.normalize("NFC").toLowerCase();
