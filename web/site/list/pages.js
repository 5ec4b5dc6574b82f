/** The pages of the list of tasks, and the order of long lists, without delaying the browser. */

import { LARGEST_PAGE } from "../api.js";

const PAGE = 20;

/** Milliseconds of work after which the browser may draw: a longer task delays scrolling. */
const SLICE = 10;

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
