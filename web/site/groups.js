/**
 * The cards of a long list, in groups. A browser lays out only the groups that are about to be seen,
 * and a card that changes does not make it look at the cards of other groups.
 */

import { element } from "./dom.js";
import { inSlices } from "./pages.js";

/** Cards of a group. A card that belongs between those of a full group makes it larger. */
const FULL = 20;

export class Groups {
  #place;
  #cards = new WeakMap(); // by their nodes
  #near = new WeakSet(); // groups that are seen, or soon will be
  #seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) this.#near.delete(target);
      else {
        this.#near.add(target);
        this.#fill(target);
      }
    }
  }, { rootMargin: "800px" });

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
    else {
      this.#seen.unobserve(group);
      group.remove();
    }
  }

  /** Removes all cards. */
  clear() {
    this.#seen.disconnect();
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
    this.#seen.observe(made);
    return made;
  }

  /** Tells the browser how large a group is that it does not lay out. */
  #measure(group) {
    const shown = [...group.children].filter((node) => !node.hidden).length;
    group.hidden = !shown;
    group.style.setProperty("--cards", shown);
  }

  #fill(group) {
    inSlices([...group.children], (node) => this.#cards.get(node).fill());
  }
}
