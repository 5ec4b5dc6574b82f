/** Reads the list of tasks by pages, and puts long lists in order without delaying the browser. */

import { ApiError, get } from "../api.js";

/** With a filter, pages of the API may be empty: at most this many are read for one of the list. */
export const TRIES = 5;

const PAGE = 20;
export const LARGEST_PAGE = 100;

/** Milliseconds of work after which the browser may draw: a longer task delays scrolling. */
const SLICE = 10;

/**
 * Reads a page of the list, the newest tasks first.
 * @param {string} status only tasks of this status; empty: all
 * @param {{limit: number, cursor: ?string, most: number}} page from where, how many tasks, and with
 *   how many requests at most
 * @returns {Promise<{tasks: Object[], cursor: ?string, retryAfter: ?number}>}
 * @throws {ApiError}
 */
export async function readPage(status, { limit, cursor, most }) {
  const tasks = [];
  let next = cursor;
  let retryAfter = null;
  let pages = 0;
  do {
    const query = new URLSearchParams({ ...(status && { status }), limit });
    if (next) query.set("cursor", next);
    const page = await get(`tasks?${query}`);
    if (!Array.isArray(page.body?.tasks)) {
      throw new ApiError(200, "NoList", "The response of the service is not a list of tasks.");
    }
    tasks.push(...page.body.tasks.filter((task) => task?.taskId));
    next = page.body.cursor;
    if (page.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, page.retryAfter);
    pages += 1;
  } while (next && tasks.length < limit && pages < most);
  return { tasks, cursor: next, retryAfter };
}

/** The pages of the list that are shown, of which each poll reads one. */
export class Pages {
  #older = [];
  #turn = 0;

  /**
   * Adds an older page.
   * @param {{cursor: string, start: string, end: string, limit: number}} page `start` and `end`:
   *   when its newest and its oldest task were created
   */
  add(page) {
    this.#older.push(page);
  }

  /**
   * Returns what to read next: the first page, and in turn with it one of the older pages that have
   * an open task.
   * @param {Object[]} cards the loaded tasks, the newest first
   */
  next(cards) {
    const lastOpen = cards.findLastIndex((card) => card.open);
    const first = { cursor: null, start: "9", limit: lastOpen < PAGE ? PAGE : LARGEST_PAGE };
    const open = cards.filter((card) => card.open);
    const older = this.#older.filter(({ start, end }) => (
      open.some(({ createdAt }) => createdAt <= start && createdAt >= end)
    ));
    this.#turn = older.length ? (this.#turn + 1) % (older.length * 2) : 0;
    return this.#turn % 2 ? older[(this.#turn - 1) / 2] : first;
  }
}

/** Reads the tasks that have exactly this name, the newest ones. */
export async function readNamed(status, name, limit) {
  const query = new URLSearchParams({ ...(status && { status }), name, limit });
  return (await get(`tasks?${query}`)).body.tasks;
}

/** Does something with each item, in slices between which the browser can draw. */
export async function inSlices(items, act, wanted = () => true) {
  let slice = performance.now();
  for (const item of items) {
    act(item);
    if (performance.now() - slice < SLICE) continue;
    await new Promise((done) => setTimeout(done));
    if (!wanted()) return;
    slice = performance.now();
  }
}

/** Returns the index of the first card that is older; the newest card is the first one. */
export function placeOf(cards, createdAt) {
  let [low, high] = [0, cards.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cards[middle].createdAt >= createdAt) low = middle + 1;
    else high = middle;
  }
  return low;
}
