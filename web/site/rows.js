/** A list of the API, page by page. Each poll reads one of the pages that may have changed. */

import { getPage } from "./api.js";
import { element } from "./dom.js";

export class Rows {
  node = element("div", { className: "listed-rows" });
  #path;
  #status;
  #limit;
  #row;
  #pages = [];

  /**
   * @param {string} path of the list; its last segment is the name of the items in a response
   * @param {string} status only items of this status; empty: all
   * @param {number} limit items of a page
   * @param {function(Object): HTMLElement} row makes the row of an item
   */
  constructor(path, status, limit, row) {
    this.#path = path;
    this.#status = status;
    this.#limit = limit;
    this.#row = row;
    this.#add(null);
  }

  /** The loaded items, in the order of the list. */
  get items() {
    return this.#pages.flatMap(({ items }) => items ?? []);
  }

  /** Whether the list has more entries than are loaded. */
  get goesOn() {
    return Boolean(this.#pages.at(-1).next);
  }

  /** Whether a page must be read, because it was never read or may have changed. */
  get isStale() {
    return this.#pages.some(({ stale }) => stale);
  }

  /** Whether a page was never read. */
  get isUnread() {
    return this.#pages.some(({ items }) => !items);
  }

  /** Lets pages be read again; `which` gets the items of a page and whether it is the first one. */
  expire(which = () => true) {
    this.#pages.forEach((page, index) => {
      if (which(page.items ?? [], index === 0)) page.stale = true;
    });
  }

  /** Adds a page at the end, which is not read yet. */
  more() {
    if (this.goesOn) this.#add(this.#pages.at(-1).next);
  }

  /**
   * Reads a page that must be read, first of all one that was never read, and shows it.
   * @returns {Promise<?number>} `Retry-After` of the response, in seconds
   * @throws {ApiError}
   */
  async read(wanted) {
    const page = this.#pages.find(({ items }) => !items) ?? this.#pages.find(({ stale }) => stale);
    const query = { status: this.#status, limit: this.#limit, cursor: page.start };
    const { items, cursor, retryAfter } = await getPage(this.#path, query);
    if (!wanted()) return null;
    this.#show(page, items);
    page.stale = false;
    page.next = cursor;
    this.#moveNext(page);
    return retryAfter;
  }

  /** The next page begins where this one ends now. */
  #moveNext(page) {
    const next = this.#pages[this.#pages.indexOf(page) + 1];
    if (!next || next.start === page.next) return;
    if (page.next) Object.assign(next, { start: page.next, stale: true });
    else for (const gone of this.#pages.splice(this.#pages.indexOf(next))) gone.node.remove();
  }

  #add(start) {
    const node = element("ol");
    this.#pages.push({ start, node, items: null, next: null, stale: true, text: "" });
    this.node.append(node);
  }

  /** Shows the items of a page, unless they are shown already: the focus stays where it is. */
  #show(page, items) {
    const text = JSON.stringify(items);
    page.items = items;
    if (text === page.text) return;
    page.text = text;
    const focused = page.node.contains(document.activeElement) ? document.activeElement.id : null;
    page.node.replaceChildren(...items.map((item) => this.#row(item)));
    if (focused) document.getElementById(focused)?.focus();
  }
}
