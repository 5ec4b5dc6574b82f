/**
 * The cards of a long list, in groups. A browser lays out only the groups that are about to be seen,
 * and a card that changes does not make it lay out the cards of other groups.
 */

import { element } from "../dom.js";

/** Cards of a group. A card that belongs between those of a full group makes it larger. */
const FULL = 10;

/** Browsers that do not tell which groups they lay out have the cards of all groups filled. */
const TELLS = "ContentVisibilityAutoStateChangeEvent" in window;

/** Milliseconds in which cards are filled before each frame. Their layout takes many times that. */
const SLICE = 1;

export class Groups {
  #place;
  #cards = new WeakMap(); // by their nodes
  #near = new WeakSet(); // groups that the browser lays out
  #waiting = []; // nodes of cards to fill
  #filling = false;

  /** @param {HTMLElement} place the element for the groups */
  constructor(place) {
    this.#place = place;
  }

  /**
   * Inserts a card.
   * @param {Object} card
   * @param {?Object} previous the card before it; null: it is the first one
   */
  insert(card, previous) {
    const group = this.#groupFor(previous);
    this.#cards.set(card.node, card);
    if (previous?.node.parentNode === group) previous.node.after(card.node);
    else group.prepend(card.node);
    if (this.#near.has(group)) card.fill();
    this.#measure(group);
  }

  /** Removes a card. */
  remove(card) {
    const group = card.node.parentNode;
    card.node.remove();
    if (group.hasChildNodes()) this.#measure(group);
    else group.remove();
  }

  /** Removes all cards. */
  clear() {
    this.#place.replaceChildren();
  }

  /** Takes notice that other cards are hidden or empty. */
  update() {
    for (const group of this.#place.children) {
      this.#measure(group);
      if (this.#near.has(group)) this.#fill(group);
    }
  }

  #groupFor(previous) {
    const group = previous ? previous.node.parentNode : this.#place.firstElementChild;
    if (group && (group.childElementCount < FULL || (previous && previous.node.nextSibling))) {
      return group;
    }
    const next = previous ? group.nextElementSibling : null;
    if (next && next.childElementCount < FULL) return next;
    const made = element("div", { className: "group" });
    if (group && previous) group.after(made);
    else this.#place.prepend(made);
    if (!TELLS) this.#near.add(made);
    // An IntersectionObserver would compute once more what the browser knows already.
    made.addEventListener("contentvisibilityautostatechange", ({ skipped }) => {
      this.#near[skipped ? "delete" : "add"](made);
      if (!skipped) this.#fill(made);
    });
    return made;
  }

  /** Sets the size of a group that the browser does not lay out. */
  #measure(group) {
    const shown = [...group.children].filter((node) => !node.hidden).length;
    group.hidden = !shown;
    group.style.setProperty("--cards", shown);
  }

  #fill(group) {
    this.#waiting.unshift(...group.children); // what is seen now comes first
    if (!this.#filling) this.#fillAll();
  }

  async #fillAll() {
    this.#filling = true;
    while (this.#waiting.length) {
      const end = performance.now() + SLICE;
      while (this.#waiting.length && performance.now() < end) {
        const node = this.#waiting.shift();
        if (this.#near.has(node.parentNode)) this.#cards.get(node).fill();
      }
      // A frame has to lay out what was filled before it, so it gets one slice and not several.
      await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    }
    this.#filling = false;
  }
}
