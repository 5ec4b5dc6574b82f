/** The list of tasks: polls it at the pace that the API asks for, with a card for each task. */

import { ApiError, explain, get, post } from "./api.js";
import { Card } from "./card.js";
import { announce, byId, element } from "./dom.js";

const PAGE = 20;
const LARGEST_PAGE = 100;
/** Pages may be empty with a filter: at most this many are read without a click on "Older". */
const PAGES = 5;
/** Pauses between polls, in seconds. */
const SHORTEST = 0.5;
const WITHOUT_OPEN_TASKS = 30;
const AFTER_ERROR = 5;
const LONGEST = 300;
/** Milliseconds for which a new task may be missing in the list (eventual consistency). */
const LIST_DELAY = 3000;

export class Tasks {
  #cards = new Map();
  #files = new Map();
  #filter = {};
  #cursor = null;
  #timer = null;
  #round = 0;
  #known;
  #refused;

  /**
   * @param {{machine: Object, errors: Map<string, string>}} known state machine and error meanings
   * @param {function()} refused is called when the API refuses the key
   */
  constructor(known, refused) {
    this.#known = known;
    this.#refused = refused;
    byId("older").addEventListener("click", () => this.#readOlder());
    document.addEventListener("visibilitychange", () => this.#wake());
  }

  /** Stops polling and removes all tasks. */
  stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const address of this.#files.values()) URL.revokeObjectURL(address);
    this.#files.clear();
    this.#clear();
  }

  /** Stops polling while another page is shown. The tasks stay where they are. */
  pause() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Shows the list again after `pause`, or for the first time. */
  resume() {
    this.#refresh();
  }

  /** Returns the URL of the file that this tab sent for a task; null if it sent none. */
  fileOf(id) {
    return this.#files.get(id) ?? null;
  }

  /**
   * Shows only the tasks of a filter, and polls their list.
   * @param {{status?: string, name?: string}} filter as `GET /tasks` takes it
   */
  show(filter) {
    this.#filter = filter;
    this.#clear();
    this.#refresh();
  }

  /** Shows a new task; `file` is the file that was sent. */
  add(task, file = null) {
    if (file) this.#files.set(task.taskId, URL.createObjectURL(file));
    this.#put(task);
    this.#updateEmptyState(false);
    this.#later(SHORTEST);
  }

  #clear() {
    for (const card of this.#cards.values()) card.node.remove();
    this.#cards.clear();
    this.#cursor = null;
    byId("older").hidden = byId("empty").hidden = true;
  }

  #wake() {
    if (!document.hidden && this.#timer !== null) this.#refresh();
  }

  #later(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), seconds * 1000);
  }

  async #refresh() {
    clearTimeout(this.#timer);
    if (document.hidden) return; // #wake refreshes it when the tab is visible again
    this.#round += 1;
    const round = this.#round;
    const begun = Date.now();
    // The next poll is scheduled in any case, also after an unexpected error.
    let pause = AFTER_ERROR;
    try {
      const read = await this.#read(this.#depth());
      if (round !== this.#round) return;
      this.#merge(read, begun);
      this.#showProblem("");
      pause = read.retryAfter ?? WITHOUT_OPEN_TASKS;
    } catch (error) {
      if (round !== this.#round) return;
      if (error.status === 403) return this.#refused();
      this.#showProblem(`${explain(error)} Trying again.`);
      pause = error.retryAfter ?? AFTER_ERROR;
    }
    this.#later(Math.min(Math.max(pause, SHORTEST), LONGEST));
  }

  /** Returns how many tasks to read, so that all open ones are included. */
  #depth() {
    const lastOpen = this.#inOrder().findLastIndex((card) => card.open);
    return Math.max(PAGE, lastOpen + 1);
  }

  async #read(depth, from = null) {
    const tasks = [];
    let cursor = from;
    let retryAfter = null;
    let pages = 0;
    do {
      const limit = depth > PAGE ? LARGEST_PAGE : PAGE;
      const query = new URLSearchParams({ ...this.#filter, limit });
      if (cursor) query.set("cursor", cursor);
      const page = await get(`tasks?${query}`);
      if (!Array.isArray(page.body?.tasks)) {
        throw new ApiError(200, "NoList", "The response of the service is not a list of tasks.");
      }
      tasks.push(...page.body.tasks.filter((task) => task?.taskId));
      cursor = page.body.cursor;
      if (page.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, page.retryAfter);
      pages += 1;
    } while (cursor && tasks.length < depth && pages < PAGES);
    return { tasks, cursor, retryAfter };
  }

  async #readOlder() {
    const filter = this.#filter;
    const button = byId("older");
    button.disabled = true;
    try {
      const { tasks, cursor } = await this.#read(PAGE, this.#cursor);
      if (filter !== this.#filter) return; // the filter has changed
      for (const task of tasks) this.#put(task);
      this.#cursor = cursor;
      this.#updateEmptyState(true);
    } catch (error) {
      this.#showProblem(explain(error));
    } finally {
      button.disabled = false;
    }
  }

  #merge({ tasks, cursor }, begun) {
    const found = new Set(tasks.map((task) => task.taskId));
    const end = cursor ? tasks.at(-1)?.createdAt ?? "9" : "";
    for (const [id, card] of this.#cards) {
      const covered = card.createdAt >= end && begun > card.born + LIST_DELAY;
      if (covered && !found.has(id)) {
        card.node.remove();
        this.#cards.delete(id);
      }
    }
    for (const task of tasks) this.#put(task);
    // If older pages are shown, the cursor stays the one after them.
    if (this.#inOrder().every((card) => card.createdAt >= end)) this.#cursor = cursor;
    this.#updateEmptyState(true);
  }

  #put(task) {
    const card = this.#cards.get(task.taskId);
    if (card) {
      if (card.update(task) && !card.open) announce(`${card.title}: ${task.status.toLowerCase()}`);
      return;
    }
    const file = this.#files.get(task.taskId) ?? null;
    const made = new Card(task, file, this.#known, (shown, link) => this.#act(shown, link));
    const next = this.#inOrder().find((other) => other.createdAt < made.createdAt);
    byId("cards").insertBefore(made.node, next?.node ?? null);
    this.#cards.set(task.taskId, made);
  }

  #inOrder() {
    return [...this.#cards.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  async #act(card, link) {
    try {
      // With the shown attempt: if somebody else has retried the task, the API refuses this one.
      this.add(await post(link, link.endsWith("/retry") ? { attempt: card.task.attempt } : {}));
    } catch (error) {
      card.showProblem(explain(error));
      this.#later(SHORTEST);
    }
  }

  #updateEmptyState(read) {
    const empty = byId("empty");
    const filtered = Object.keys(this.#filter).length > 0;
    const text = filtered ? "No task matches." : "No tasks yet. Drop an image to start.";
    empty.replaceChildren(element("span", {}, text));
    empty.hidden = this.#cards.size > 0 || !read;
    byId("older").hidden = !this.#cursor;
  }

  #showProblem(message) {
    byId("page-problem").textContent = message;
  }
}
