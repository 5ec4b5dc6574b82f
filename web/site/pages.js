/** Reads the list of tasks by pages, and puts long lists in order without delaying the browser. */

import { ApiError, get } from "./api.js";

/** With a filter, pages of the API may be empty: at most this many are read for one of the list. */
export const PAGES = 5;

/** Milliseconds of work after which the browser may draw: a longer task delays scrolling. */
const SLICE = 10;

/**
 * Reads a page of a list of the API.
 * @param {string} path "tasks", "batches" or "batches/{batchId}/tasks": its last segment is the
 *   name of the items in a response
 * @param {string} status only items of this status; empty: all
 * @param {{limit: number, cursor: ?string, most: number}} page from where, how many items, and with
 *   how many requests at most
 * @returns {Promise<{items: Object[], cursor: ?string, retryAfter: ?number}>}
 * @throws {ApiError}
 */
export async function readPage(path, status, { limit, cursor, most }) {
  const name = path.split("/").at(-1);
  const items = [];
  let next = cursor;
  let retryAfter = null;
  let pages = 0;
  do {
    const query = new URLSearchParams({ ...(status && { status }), limit });
    if (next) query.set("cursor", next);
    const page = await get(`${path}?${query}`);
    if (!Array.isArray(page.body?.[name])) {
      throw new ApiError(200, "NoList", `The response of the service is not a list of ${name}.`);
    }
    items.push(...page.body[name].filter((item) => item?.taskId ?? item?.batchId));
    next = page.body.cursor;
    if (page.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, page.retryAfter);
    pages += 1;
  } while (next && items.length < limit && pages < most);
  return { items, cursor: next, retryAfter };
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
