/** Asks a person before something is deleted. */

import { byId, element } from "./dom.js";
import { count } from "./words.js";

/** The number of titles that are listed; the others are only counted. */
const LISTED = 5;

/**
 * Asks in a dialog whether to delete something. Escape, "Keep" and another address mean no.
 * Afterwards the focus is where it was.
 * @param {string} question
 * @param {string} action the name of the button that means yes
 * @param {...(Node|null)} parts say what will be gone
 * @returns {Promise<boolean>} whether to delete it
 */
export function ask(question, action, ...parts) {
  const asked = document.activeElement?.id;
  const keep = element("button", { type: "button", autofocus: true }, "Keep");
  const proceed = element("button", { type: "button", className: "danger" }, action);
  const dialog = element("dialog", {
    className: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-parts",
  },
  element("h2", { id: "confirm-title", dir: "auto" }, question),
  element("div", { id: "confirm-parts" }, parts,
    element("p", {}, element("strong", {}, "This is final."))),
  element("div", { className: "actions" }, keep, proceed));
  return new Promise((answer) => {
    keep.addEventListener("click", () => dialog.close());
    proceed.addEventListener("click", () => dialog.close("yes"));
    const leave = () => dialog.close(); // another address shows another page
    addEventListener("hashchange", leave);
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", leave);
      dialog.remove();
      if (asked) byId(asked)?.focus(); // the button may have been rendered again
      answer(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Asks whether to delete tasks.
 * @param {string[]} titles of the tasks
 * @param {number} open how many other chosen tasks have not ended and so stay
 * @returns {Promise<boolean>} whether to delete them
 */
export function confirmDeletion(titles, open = 0) {
  const one = titles.length === 1;
  const more = titles.length - LISTED;
  return ask(
    one ? `Delete ${titles[0]}?` : `Delete ${titles.length} tasks?`,
    "Delete",
    one ? null : element("ul", {},
      titles.slice(0, LISTED).map((title) => element("li", { dir: "auto" }, title)),
      more > 0 ? element("li", {}, `and ${more} more`) : null),
    element("p", {},
      `This deletes the record, the result and the source of ${one ? "the task" : "each task"}. `
      + "An upload that another task uses is kept. Links to the result stop working."),
    open ? element("p", {}, `${count(open, "selected task")} cannot be deleted yet, because `
      + `${open === 1 ? "it has" : "they have"} not ended: cancel ${open === 1 ? "it" : "them"} first.`)
      : null,
  );
}
