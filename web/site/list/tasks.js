/** The list of tasks: polls it at the pace that the API asks for, with a card for each task. */

import { explain, getPage, LARGEST_PAGE, MOST_PAGES, post, remove } from "../api.js";
import { Card } from "./card.js";
import { announce, byId } from "../dom.js";
import { Groups } from "./groups.js";
import { inSlices, Pages, placeOf } from "./pages.js";
import { Poll } from "../poll.js";

/** Pauses between polls, in seconds, if the response has no `Retry-After`. */
const WITHOUT_OPEN_TASKS = 30;
const ON_OTHER_PAGES = 5;
/** Milliseconds for which a new task may be missing in the list (eventual consistency). */
const LIST_DELAY = 3000;
/** Cards after which further ones are filled only when they are about to be seen. */
const FILLED_AT_ONCE = 20;

export class Tasks {
  #cards = new Map();
  #order = []; // the cards, the newest first
  #files = new Map();
  #deleted = new Set(); // ids, which the list may still contain for a moment
  #filter = { status: "", find: "", view: "" };
  #shown = false;
  #cursor = null;
  #pages = new Pages();
  #poll = new Poll((wanted) => this.#read(wanted), (error) => this.#fail(error, " Trying again."));
  #known;
  #refused;
  #changed;
  #groups = new Groups(byId("cards"));

  /**
   * @param {{machine: Object, errors: Map<string, string>}} known state machine and error meanings
   * @param {{refused: function(), changed: function()}} calls `refused`: the API refuses the key;
   *   `changed`: other tasks are loaded, shown or selected
   */
  constructor(known, { refused, changed }) {
    this.#known = known;
    this.#refused = refused;
    this.#changed = changed;
    byId("older").addEventListener("click", () => this.#readOlder());
  }

  /** The loaded tasks that the filter shows, the newest first. */
  get shown() {
    return this.#order.filter((card) => !card.node.hidden);
  }

  /** All loaded tasks. */
  get loaded() { return this.#order; }

  /** Stops polling and removes all tasks. */
  stop() {
    this.pause();
    for (const address of this.#files.values()) URL.revokeObjectURL(address);
    this.#files.clear();
    this.#clear();
    this.#shown = false;
  }

  /** Stops polling while another page is shown. The tasks stay where they are. */
  pause() {
    this.#poll.stop();
  }

  /** Returns the URL of the file that this tab sent for a task; null if it sent none. */
  fileOf(id) {
    return this.#files.get(id) ?? null;
  }

  /**
   * Shows the tasks of a filter, and polls their list.
   * @param {{status: string, find: string, view: string}} filter `status` as `GET /tasks` takes it;
   *   `find`: a part of the title, or the exact name of a task that is not loaded; `view`: "rows"
   */
  show(filter) {
    const { status, view } = this.#filter;
    this.#filter = filter;
    if (filter.status !== status) this.#clear();
    if (filter.view !== view) for (const card of this.#order) card.setView(filter.view);
    byId("cards").classList.toggle("rows", filter.view === "rows");
    for (const card of this.#order) card.node.hidden = !this.#matches(card);
    this.#groups.update();
    this.#updateEmptyState(this.#shown);
    if (filter.find) this.#readNamed(filter.find);
    this.#poll.now();
  }

  /** Shows a new task; `file` is the file that was sent. */
  add(task, file = null) {
    if (file) this.#files.set(task.taskId, URL.createObjectURL(file));
    this.#put(task);
    this.#updateEmptyState(false);
    this.#poll.soon();
  }

  /**
   * Retries, cancels or deletes a task, and shows the outcome.
   * @param {Object} card
   * @param {string} name "retry", "cancel" or "delete"
   * @returns {Promise<?string>} a message if it failed
   */
  async act(card, name) {
    const { taskId, attempt, links } = card.task;
    try {
      if (name === "delete") {
        await remove(links.self);
        this.forget(taskId);
      } else {
        // With the shown attempt: if somebody else has retried the task, the API refuses this one.
        this.add(await post(links[name], name === "retry" ? { attempt } : {}));
      }
      return null;
    } catch (error) {
      if (error.status === 403) this.#refused();
      this.#poll.soon();
      return explain(error);
    }
  }

  /** Removes a task that was deleted. */
  forget(id) {
    this.#deleted.add(id);
    const card = this.#cards.get(id);
    if (!card) return;
    announce(`${card.title}: deleted`);
    this.#remove(id, card);
    this.#updateEmptyState(true);
  }

  /** Does something with a task for its card, and shows the problem there. */
  async #actFor(card, name) {
    const { shown } = this;
    const place = shown.indexOf(card);
    const problem = await this.act(card, name);
    if (problem) card.showProblem(problem);
    else if (name === "delete") {
      (shown[place + 1] ?? shown[place - 1] ?? { node: byId("tasks") }).node.focus();
    }
  }

  #clear() {
    this.#groups.clear();
    this.#cards.clear();
    this.#order = [];
    this.#pages = new Pages();
    this.#cursor = null;
    this.#shown = false;
    byId("older").hidden = byId("empty").hidden = true;
    this.#changed();
  }

  /** Reads one page. The first time, these may be several pages of the API. */
  async #read(wanted) {
    const begun = Date.now();
    const page = this.#pages.next(this.#order);
    const { limit, cursor } = page;
    const query = { status: this.#filter.status, limit, cursor };
    const read = await getPage("tasks", query, this.#shown ? 1 : MOST_PAGES);
    if (wanted()) await this.#merge(read, page, begun, wanted);
    if (!wanted()) return null;
    this.#showProblem("");
    const open = this.#order.some((card) => card.open);
    return read.retryAfter ?? (open ? ON_OTHER_PAGES : WITHOUT_OPEN_TASKS);
  }

  #fail(error, then = "") {
    if (error.status === 403) return this.#refused();
    this.#showProblem(`${explain(error)}${then}`);
  }

  async #readOlder() {
    const { status } = this.#filter;
    const button = byId("older");
    const from = this.#cursor;
    button.disabled = true;
    try {
      const start = this.#order.at(-1)?.createdAt ?? "9";
      const limit = LARGEST_PAGE;
      const { items, cursor } = await getPage("tasks", { status, limit, cursor: from });
      if (status !== this.#filter.status || from !== this.#cursor) return; // the filter has changed
      this.#cursor = cursor;
      const end = cursor ? items.at(-1)?.createdAt ?? start : "";
      this.#pages.add({ cursor: from, start, end, limit });
      await inSlices(items, (task) => this.#put(task));
      this.#updateEmptyState(true);
    } catch (error) {
      this.#fail(error);
    } finally {
      button.disabled = false;
    }
  }

  /** Reads the tasks with exactly this name, which may be older than what is loaded. */
  async #readNamed(name) {
    const { status } = this.#filter;
    try {
      const { items } = await getPage("tasks", { status, name, limit: LARGEST_PAGE });
      if (name !== this.#filter.find || status !== this.#filter.status) return;
      await inSlices(items, (task) => this.#put(task));
      this.#updateEmptyState(true);
    } catch (error) {
      if (error.status !== 403) this.#showProblem(explain(error));
    }
  }

  async #merge({ items, cursor }, page, begun, wanted) {
    const found = new Set(items.map((task) => task.taskId));
    const end = cursor ? items.at(-1)?.createdAt ?? "9" : "";
    for (const [id, card] of this.#cards) {
      const covered = card.createdAt >= end && card.createdAt <= page.start
        && begun > card.born + LIST_DELAY;
      if (covered && !found.has(id)) this.#remove(id, card);
    }
    await inSlices(items, (task) => this.#put(task), wanted);
    // If older pages are shown, the cursor stays the one after them.
    if (!page.cursor && this.#order.every((card) => card.createdAt >= end)) this.#cursor = cursor;
    this.#shown = true;
    this.#updateEmptyState(true);
  }

  #remove(id, card) {
    this.#groups.remove(card);
    this.#cards.delete(id);
    this.#order.splice(this.#order.indexOf(card), 1);
  }

  #put(task) {
    if (this.#deleted.has(task.taskId)) return;
    const card = this.#cards.get(task.taskId);
    if (card) {
      if (card.update(task) && !card.open) announce(`${card.title}: ${task.status.toLowerCase()}`);
      return;
    }
    const made = new Card(task, {
      file: this.fileOf(task.taskId),
      known: this.#known,
      view: this.#filter.view,
      later: this.#order.length >= FILLED_AT_ONCE,
      act: (shown, name) => this.#actFor(shown, name),
      selected: () => this.#changed(),
    });
    made.node.id = `task-${task.taskId}`;
    made.node.hidden = !this.#matches(made);
    const place = placeOf(this.#order, made.createdAt);
    this.#groups.insert(made, this.#order[place - 1] ?? null);
    this.#order.splice(place, 0, made);
    this.#cards.set(task.taskId, made);
  }

  #matches(card) {
    const wanted = this.#filter.find.toLowerCase();
    return !wanted || card.words.includes(wanted);
  }

  #updateEmptyState(read) {
    const empty = byId("empty");
    const filtered = this.#filter.status || this.#filter.find;
    const none = filtered ? "No task matches." : "No tasks yet. Drop an image to start.";
    empty.textContent = read ? none : "Loading…";
    const some = this.#order.some((card) => !card.node.hidden);
    empty.hidden = some;
    byId("cards").hidden = !some;
    byId("older").hidden = !this.#cursor;
    this.#changed();
  }

  #showProblem(message) {
    byId("page-problem").textContent = message;
  }
}
