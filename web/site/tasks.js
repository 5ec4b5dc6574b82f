/** The list of tasks: polls it at the pace that the API asks for, with a card for each task. */

import { explain, post } from "./api.js";
import { Card } from "./card.js";
import { announce, byId, element } from "./dom.js";
import { inSlices, PAGES, placeOf, readNamed, readPage } from "./pages.js";

const PAGE = 20;
const LARGEST_PAGE = 100;
/** Pauses between polls, in seconds. */
const SHORTEST = 0.5;
const WITHOUT_OPEN_TASKS = 30;
const ON_OTHER_PAGES = 5;
const AFTER_ERROR = 5;
const LONGEST = 300;
/** Milliseconds for which a new task may be missing in the list (eventual consistency). */
const LIST_DELAY = 3000;
/** Cards after which further ones are filled only when they are about to be seen. */
const FILLED_AT_ONCE = 60;

export class Tasks {
  #cards = new Map();
  #order = []; // the cards, the newest first
  #files = new Map();
  #filter = { status: "", find: "", view: "" };
  #shown = false;
  #cursor = null;
  #pages = []; // older pages: where each one begins and ends
  #turn = 0;
  #timer = null;
  #round = 0;
  #known;
  #refused;
  #changed;
  #seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#cards.get(target.id.slice(5))?.fill();
    }
  }, { rootMargin: "800px" });

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
    document.addEventListener("visibilitychange", () => this.#wake());
  }

  /** The loaded tasks that the filter shows, the newest first. */
  get shown() {
    return this.#order.filter((card) => !card.node.hidden);
  }

  /** All loaded tasks. */
  get loaded() {
    return this.#order;
  }

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
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#timer = null;
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
    this.#updateEmptyState(this.#shown);
    if (filter.find) this.#readNamed(filter.find);
    this.#refresh();
  }

  /** Shows a new task; `file` is the file that was sent. */
  add(task, file = null) {
    if (file) this.#files.set(task.taskId, URL.createObjectURL(file));
    this.#put(task);
    this.#updateEmptyState(false);
    this.#later(SHORTEST);
  }

  /**
   * Posts to the `retry` or `cancel` link of a task, and shows the answer.
   * @returns {Promise<?string>} a message if it failed
   */
  async act(card, link) {
    try {
      // With the shown attempt: if somebody else has retried the task, the API refuses this one.
      this.add(await post(link, link.endsWith("/retry") ? { attempt: card.task.attempt } : {}));
      return null;
    } catch (error) {
      if (error.status === 403) this.#refused();
      this.#later(SHORTEST);
      return explain(error);
    }
  }

  #clear() {
    for (const card of this.#order) this.#seen.unobserve(card.node);
    byId("cards").replaceChildren();
    this.#cards.clear();
    this.#order = [];
    this.#pages = [];
    this.#cursor = null;
    this.#shown = false;
    byId("older").hidden = byId("empty").hidden = true;
    this.#changed();
  }

  #wake() {
    if (!document.hidden && this.#timer !== null) this.#refresh();
  }

  #later(seconds) {
    if (byId("workspace").hidden) return;
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
      const page = this.#nextPage();
      const { limit, cursor } = page;
      const most = this.#shown ? 1 : PAGES;
      const read = await readPage(this.#filter.status, { limit, cursor, most });
      if (round !== this.#round) return;
      await this.#merge(read, page, begun, round);
      if (round !== this.#round) return;
      this.#showProblem("");
      pause = read.retryAfter ?? this.#pauseWithout();
    } catch (error) {
      if (round !== this.#round) return;
      if (error.status === 403) return this.#refused();
      this.#showProblem(`${explain(error)} Trying again.`);
      pause = error.retryAfter ?? AFTER_ERROR;
    }
    this.#later(Math.min(Math.max(pause, SHORTEST), LONGEST));
  }

  #pauseWithout() {
    return this.#order.some((card) => card.open) ? ON_OTHER_PAGES : WITHOUT_OPEN_TASKS;
  }

  /**
   * Returns what to read next: one page for each poll. It is the first one, and in turn with it one
   * of the older pages that have an open task.
   */
  #nextPage() {
    const lastOpen = this.#order.findLastIndex((card) => card.open);
    const first = {
      cursor: null, start: "9", limit: lastOpen < PAGE ? PAGE : LARGEST_PAGE,
    };
    const open = this.#order.filter((card) => card.open);
    const older = this.#pages.filter(({ start, end }) => (
      open.some(({ createdAt }) => createdAt <= start && createdAt >= end)
    ));
    this.#turn = older.length ? (this.#turn + 1) % (older.length * 2) : 0;
    return this.#turn % 2 ? older[(this.#turn - 1) / 2] : first;
  }

  async #readOlder() {
    const { status } = this.#filter;
    const button = byId("older");
    const from = this.#cursor;
    button.disabled = true;
    try {
      const start = this.#order.at(-1)?.createdAt ?? "9";
      const limit = LARGEST_PAGE;
      const { tasks, cursor } = await readPage(status, { limit, cursor: from, most: PAGES });
      if (status !== this.#filter.status || from !== this.#cursor) return; // the filter has changed
      this.#cursor = cursor;
      const end = cursor ? tasks.at(-1)?.createdAt ?? start : "";
      this.#pages.push({ cursor: from, start, end, limit });
      await inSlices(tasks, (task) => this.#put(task));
      this.#updateEmptyState(true);
    } catch (error) {
      if (error.status === 403) return this.#refused();
      this.#showProblem(explain(error));
    } finally {
      button.disabled = false;
    }
  }

  /** Reads the tasks with exactly this name, which may be older than what is loaded. */
  async #readNamed(name) {
    const { status } = this.#filter;
    try {
      const found = await readNamed(status, name, LARGEST_PAGE);
      if (name !== this.#filter.find || status !== this.#filter.status) return;
      await inSlices(found, (task) => this.#put(task));
      this.#updateEmptyState(true);
    } catch (error) {
      if (error.status !== 403) this.#showProblem(explain(error));
    }
  }

  async #merge({ tasks, cursor }, page, begun, round) {
    const found = new Set(tasks.map((task) => task.taskId));
    const end = cursor ? tasks.at(-1)?.createdAt ?? "9" : "";
    for (const [id, card] of this.#cards) {
      const covered = card.createdAt >= end && card.createdAt <= page.start
        && begun > card.born + LIST_DELAY;
      if (covered && !found.has(id)) this.#remove(id, card);
    }
    await inSlices(tasks, (task) => this.#put(task), () => round === this.#round);
    // If older pages are shown, the cursor stays the one after them.
    if (!page.cursor && this.#order.every((card) => card.createdAt >= end)) this.#cursor = cursor;
    this.#shown = true;
    this.#updateEmptyState(true);
  }

  #remove(id, card) {
    card.node.remove();
    this.#seen.unobserve(card.node);
    this.#cards.delete(id);
    this.#order.splice(this.#order.indexOf(card), 1);
  }

  #put(task) {
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
      act: async (shown, link) => shown.showProblem(await this.act(shown, link) ?? ""),
      selected: () => this.#changed(),
    });
    made.node.id = `task-${task.taskId}`;
    made.node.hidden = !this.#matches(made);
    const place = placeOf(this.#order, made.createdAt);
    byId("cards").insertBefore(made.node, this.#order[place]?.node ?? null);
    this.#order.splice(place, 0, made);
    this.#cards.set(task.taskId, made);
    if (!made.filled) this.#seen.observe(made.node);
  }

  #matches(card) {
    const wanted = this.#filter.find.toLowerCase();
    return !wanted || card.words.includes(wanted);
  }

  #updateEmptyState(read) {
    const empty = byId("empty");
    const filtered = this.#filter.status || this.#filter.find;
    const text = filtered ? "No task matches." : "No tasks yet. Drop an image to start.";
    empty.replaceChildren(element("span", {}, text));
    empty.hidden = this.#order.some((card) => !card.node.hidden) || !read;
    byId("older").hidden = !this.#cursor;
    byId("cards").classList.toggle("many", this.#order.length > FILLED_AT_ONCE);
    this.#changed();
  }

  #showProblem(message) {
    byId("page-problem").textContent = message;
  }
}
