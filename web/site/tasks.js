/** The list of tasks: reads it as seldom as the API asks, and keeps a card for each task. */

import { ApiError, explain, get, post } from "./api.js";
import { Card } from "./card.js";
import { announce, byId, element } from "./dom.js";

const PAGE = 20;
const LARGEST_PAGE = 100;
/** A filter may leave pages empty: so many are read before somebody has to ask for more. */
const PAGES = 5;
/** Seconds. */
const SOONEST = 0.5;
const WHEN_NOTHING_MOVES = 30;
const AFTER_TROUBLE = 5;
const LONGEST = 300;
/** Milliseconds in which the list may not know a task that was just taken. */
const LIST_LAGS = 3000;

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
   * @param {{machine: Object, errors: Map<string, string>}} known what cards tell of
   * @param {function()} refused is called when the API does not take the key
   */
  constructor(known, refused) {
    this.#known = known;
    this.#refused = refused;
    byId("older").addEventListener("click", () => this.#readOlder());
    document.addEventListener("visibilitychange", () => this.#wake());
  }

  /** Reads the list and keeps it current from now on. */
  start() {
    this.show({});
  }

  /** Stops reading, and forgets everything. */
  stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const address of this.#files.values()) URL.revokeObjectURL(address);
    this.#files.clear();
    this.#clear();
  }

  /**
   * Shows only the tasks of a filter.
   * @param {{status?: string, name?: string}} filter as `GET /tasks` takes it
   */
  show(filter) {
    this.#filter = filter;
    this.#clear();
    this.#refresh();
  }

  /** Shows a task that the API has just taken; `file` is what was sent. */
  take(task, file = null) {
    if (file) this.#files.set(task.taskId, URL.createObjectURL(file));
    this.#put(task);
    this.#sayHowMany(false);
    this.#later(SOONEST);
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
    if (document.hidden) return; // #wake reads it when somebody looks again
    this.#round += 1;
    const round = this.#round;
    const begun = Date.now();
    // The clock starts again whatever comes: a round that never ends must not be the last one.
    let pause = AFTER_TROUBLE;
    try {
      const read = await this.#read(this.#depth());
      if (round !== this.#round) return;
      this.#merge(read, begun);
      this.#complain("");
      pause = read.retryAfter ?? WHEN_NOTHING_MOVES;
    } catch (error) {
      if (round !== this.#round) return;
      if (error.status === 403) return this.#refused();
      this.#complain(`${explain(error)} Trying again.`);
      pause = error.retryAfter ?? AFTER_TROUBLE;
    }
    this.#later(Math.min(Math.max(pause, SOONEST), LONGEST));
  }

  /** Returns how many tasks to read, so that all that can still move are among them. */
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
        throw new ApiError(200, "NoList", "The answer of the service is not a list of tasks.");
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
      if (filter !== this.#filter) return; // these are of another list
      for (const task of tasks) this.#put(task);
      this.#cursor = cursor;
      this.#sayHowMany(true);
    } catch (error) {
      this.#complain(explain(error));
    } finally {
      button.disabled = false;
    }
  }

  #merge({ tasks, cursor }, begun) {
    const found = new Set(tasks.map((task) => task.taskId));
    const end = cursor ? tasks.at(-1)?.createdAt ?? "9" : "";
    for (const [id, card] of this.#cards) {
      const covered = card.createdAt >= end && begun > card.born + LIST_LAGS;
      if (covered && !found.has(id)) this.#drop(id);
    }
    for (const task of tasks) this.#put(task);
    // Where older pages are shown, the list goes on after them.
    if (this.#inOrder().every((card) => card.createdAt >= end)) this.#cursor = cursor;
    this.#sayHowMany(true);
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

  #drop(id) {
    this.#cards.get(id).node.remove();
    this.#cards.delete(id);
  }

  #inOrder() {
    return [...this.#cards.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  async #act(card, link) {
    try {
      // The attempt that is seen: what somebody else has tried again since is not tried once more.
      this.take(await post(link, link.endsWith("/retry") ? { attempt: card.task.attempt } : {}));
    } catch (error) {
      card.complain(explain(error));
      this.#later(SOONEST);
    }
  }

  #sayHowMany(read) {
    const empty = byId("empty");
    const filtered = Object.keys(this.#filter).length > 0;
    const words = filtered ? "No task matches." : "Nothing here yet. Drop an image to begin.";
    empty.replaceChildren(element("span", {}, words));
    empty.hidden = this.#cards.size > 0 || !read;
    byId("older").hidden = !this.#cursor;
  }

  #complain(message) {
    byId("trouble").textContent = message;
  }
}
