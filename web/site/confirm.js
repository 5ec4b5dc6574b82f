/** Asks a person before tasks are deleted. */

import { element } from "./dom.js";
import { count } from "./words.js";

/** Titles that are listed; of more, only the number. */
const LISTED = 5;

/**
 * Asks whether to delete tasks, in a dialog. Escape and "Keep" mean no. Afterwards the browser
 * returns the focus to where it was.
 * @param {string[]} titles of the tasks
 * @param {number} open how many tasks were chosen, too, but have not ended and so stay
 * @returns {Promise<boolean>} whether to delete them
 */
export function confirmDeletion(titles, open = 0) {
  const one = titles.length === 1;
  const more = titles.length - LISTED;
  const keep = element("button", { type: "button", autofocus: true }, "Keep");
  const proceed = element("button", { type: "button", className: "danger" }, "Delete");
  const heading = element("h2", { id: "confirm-title", dir: "auto" },
    one ? `Delete ${titles[0]}?` : `Delete ${titles.length} tasks?`);
  const dialog = element("dialog", {
    className: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text",
  },
  heading,
  one ? null : element("ul", {},
    titles.slice(0, LISTED).map((title) => element("li", { dir: "auto" }, title)),
    more > 0 ? element("li", {}, `and ${more} more`) : null),
  element("p", { id: "confirm-text" },
    `This deletes the record, the result and the source of ${one ? "the task" : "each task"}. `
    + "An upload that another task uses is kept. Links to the result stop working. ",
    element("strong", {}, "This is final.")),
  open ? element("p", {}, `${count(open, "selected task")} cannot be deleted yet, because `
    + `${open === 1 ? "it has" : "they have"} not ended: cancel ${open === 1 ? "it" : "them"} first.`)
    : null,
  element("div", { className: "actions" }, keep, proceed));
  return new Promise((answer) => {
    keep.addEventListener("click", () => dialog.close());
    proceed.addEventListener("click", () => dialog.close("delete"));
    const leave = () => dialog.close(); // another address shows another page
    addEventListener("hashchange", leave);
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", leave);
      dialog.remove();
      answer(dialog.returnValue === "delete");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
