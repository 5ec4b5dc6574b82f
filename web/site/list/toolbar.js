/** Above the list: the filter, the view, what is loaded, and actions on the selected tasks. */

import * as address from "../address.js";
import { explain } from "../api.js";
import { confirmDeletion } from "../confirm.js";
import { announce, byId, element } from "../dom.js";
import { download, readResult, resultName } from "../files.js";
import { atOnce } from "../send.js";
import { count, statusName } from "../words.js";

export class Toolbar {
  #tasks;
  #busy = false;

  /** @param {Object} tasks the list: see `Tasks` */
  constructor(tasks) {
    this.#tasks = tasks;
    byId("filter").addEventListener("submit", (event) => event.preventDefault());
    byId("status").addEventListener("change", () => this.#go());
    byId("find").addEventListener("change", () => this.#go());
    byId("rows").addEventListener("click", () => {
      byId("rows").setAttribute("aria-pressed", String(!this.#inRows));
      this.#go();
    });
    byId("select-all").addEventListener("change", () => {
      for (const card of this.#tasks.shown) card.selected = byId("select-all").checked;
      this.update();
    });
    const actions = { retry: "retried", cancel: "cancelled" };
    for (const [name, done] of Object.entries(actions)) {
      byId(`${name}-selected`).addEventListener("click", () => this.#each(
        this.#able(name), (card) => this.#tasks.act(card, name), done,
      ));
    }
    byId("delete-selected").addEventListener("click", () => this.#delete());
    byId("download-selected").addEventListener("click", () => this.#each(
      this.#able("download"), save, "saved",
    ));
  }

  get #inRows() {
    return byId("rows").getAttribute("aria-pressed") === "true";
  }

  /** The filter, as it is in the form. */
  get filter() {
    return {
      status: byId("status").value,
      find: byId("find").value.trim(),
      view: this.#inRows ? "rows" : "",
    };
  }

  /** Shows a filter, that of the address, in the form. */
  show({ status, find, view }) {
    byId("status").value = status;
    byId("find").value = find;
    byId("rows").setAttribute("aria-pressed", String(view === "rows"));
  }

  /** Shows how many tasks are loaded and selected. */
  update() {
    const { loaded, shown } = this.#tasks;
    const numbers = new Map();
    for (const { task } of shown) numbers.set(task.status, (numbers.get(task.status) ?? 0) + 1);
    const parts = [...numbers].map(([status, number]) => (
      `${number} ${String(status).toLowerCase()}`
    ));
    const total = shown.length === loaded.length
      ? `${count(loaded.length, "task")} loaded`
      : `${shown.length} of ${count(loaded.length, "loaded task")}`;
    byId("counts").textContent = loaded.length ? `${total}: ${parts.join(", ") || "none"}` : "";
    const selected = shown.filter((card) => card.selected);
    byId("bulk").hidden = !shown.length;
    byId("selection").textContent = selected.length ? `${selected.length} selected` : "Select all";
    byId("select-all").checked = selected.length > 0 && selected.length === shown.length;
    byId("select-all").indeterminate = selected.length > 0 && selected.length < shown.length;
    for (const name of ["retry", "cancel", "download", "delete"]) {
      const able = this.#able(name).length;
      const button = byId(`${name}-selected`);
      button.hidden = !able;
      button.disabled = this.#busy;
      button.textContent = `${statusName(name.toUpperCase())} ${able}`;
    }
  }

  #go() {
    location.hash = address.ofList(this.filter);
  }

  /** Returns the selected tasks that allow an action. */
  #able(name) {
    const able = {
      download: ({ task }) => task.result,
      delete: ({ open }) => !open,
    }[name] ?? (({ task }) => task.links?.[name]);
    return this.#tasks.shown.filter((card) => card.selected && able(card));
  }

  async #delete() {
    const cards = this.#able("delete");
    const open = this.#tasks.shown.filter((card) => card.selected && card.open).length;
    if (!await confirmDeletion(cards.map(({ title }) => title), open)) return;
    await this.#each(cards, (card) => this.#tasks.act(card, "delete"), "deleted");
  }

  /** Does something with each of the tasks, and says how many it was done with. */
  async #each(cards, act, done) {
    const focused = document.activeElement;
    this.#busy = true;
    this.update();
    const problems = [];
    await atOnce(cards, async (card) => {
      const problem = await act(card);
      if (problem) problems.push(`${card.title}: ${problem}`);
      else card.selected = false;
    });
    this.#busy = false;
    const well = cards.length - problems.length;
    const said = `${well} ${done}${problems.length ? `, ${problems.length} not` : ""}.`;
    announce(said);
    byId("bulk-result").replaceChildren(said, ...problems.slice(0, 5).map((text) => (
      element("span", { className: "problem" }, ` ${text}`)
    )));
    this.update();
    // The button of the action was disabled, and may be gone.
    [focused, byId("select-all"), byId("tasks")].find((one) => one.checkVisibility()).focus();
  }
}

/** Saves the result of a task as a file; returns a message if that failed. */
async function save({ title, task }) {
  try {
    download(await readResult(task), resultName(title, task.result.contentType, "-gray"));
    return null;
  } catch (error) {
    return explain(error);
  }
}
