/** The list of batches. */

import { ofBatch } from "../address.js";
import { explain } from "../api.js";
import { byId, code, element } from "../dom.js";
import { Poll } from "../poll.js";
import { Rows } from "../rows.js";
import { short } from "../times.js";
import { batchTitle, count, statusName } from "../words.js";

const PAGE = 20;
/** Seconds between polls while no batch is running. */
const WITHOUT_RUNNING = 30;

export class Batches {
  #rows = null;
  #refused;
  #poll = new Poll((wanted) => this.#read(wanted), (error) => this.#fail(error));

  /** @param {function()} refused is called if the API refuses the key */
  constructor(refused) {
    this.#refused = refused;
    byId("older-batches").addEventListener("click", () => {
      this.#rows.more();
      this.#poll.now();
    });
  }

  /** Shows the list, and polls it. */
  show() {
    this.#rows ??= new Rows("batches", "", PAGE, batchRow);
    this.#rows.expire();
    byId("batch-list").replaceChildren(this.#rows.node);
    this.#updateEmptyState();
    this.#poll.now();
  }

  /** Stops polling while another page is shown. The batches stay where they are. */
  pause() {
    this.#poll.stop();
  }

  /** Stops polling and removes all batches. */
  stop() {
    this.pause();
    this.#rows = null;
    byId("batch-list").replaceChildren();
    byId("older-batches").hidden = byId("no-batches").hidden = true;
  }

  /** Reads one page: one that was never read, or in turn the first one and those that change. */
  async #read(wanted) {
    const rows = this.#rows;
    if (!rows.isStale) rows.expire((items, isFirst) => isFirst || items.some(isChanging));
    const retryAfter = await rows.read(wanted);
    if (!wanted()) return null;
    byId("batches-problem").textContent = "";
    byId("older-batches").hidden = !rows.goesOn;
    this.#updateEmptyState();
    const changing = rows.items.some(isChanging);
    return rows.isStale || changing ? retryAfter ?? 1 : WITHOUT_RUNNING;
  }

  #updateEmptyState() {
    const { items, goesOn, isUnread } = this.#rows;
    const empty = byId("no-batches");
    empty.textContent = isUnread ? "Loading…" : "No batches yet. Drop a folder to start.";
    empty.hidden = items.length > 0 || goesOn;
  }

  #fail(error) {
    if (error.status === 403) return this.#refused();
    byId("batches-problem").textContent = `${explain(error)} Trying again.`;
  }
}

function isChanging({ status, deletionRequestedAt }) {
  return status === "RUNNING" || Boolean(deletionRequestedAt);
}

function batchRow(batch) {
  const { batchId, status, createdAt, total, failure, deletionRequestedAt } = batch;
  const shown = deletionRequestedAt ? "Being deleted" : statusName(status);
  return element("li", { className: deletionRequestedAt ? "cancelled" : status.toLowerCase() },
    element("p", { className: "status" }, shown),
    element("a", {
      id: `batch-${batchId}`, className: "name", href: ofBatch(batchId), dir: "auto",
    }, batchTitle(batch)),
    element("p", { className: "facts" },
      total === null ? null : element("span", {}, count(total, "task")),
      short(createdAt)),
    failure
      ? element("p", { className: "why", dir: "auto" }, code(failure.error), " ",
        element("span", { className: "message" }, failure.message))
      : null,
  );
}
