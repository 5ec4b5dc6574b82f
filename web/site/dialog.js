/** Asks a person before something that is final. */

import { byId, element } from "./dom.js";

/**
 * Asks in a dialog. Escape, and another address, mean no. Afterwards the focus is where it was.
 * @param {string} title the question
 * @param {string} text what will be gone
 * @param {string} action the name of the button that means yes
 * @returns {Promise<boolean>}
 */
export function ask(title, text, action) {
  const asked = document.activeElement?.id;
  const button = (name, className, answer) => {
    const made = element("button", { type: "button", className }, name);
    made.addEventListener("click", () => dialog.close(answer));
    return made;
  };
  const dialog = element("dialog", {
    className: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text",
  },
  element("h2", { id: "confirm-title", dir: "auto" }, title),
  element("p", { id: "confirm-text" }, text, " ", element("strong", {}, "This is final.")),
  element("div", { className: "actions" },
    button("Keep", "", ""), button(action, "danger", "yes")),
  );
  const leave = () => dialog.close("");
  addEventListener("hashchange", leave);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", leave);
      dialog.remove();
      if (asked) byId(asked)?.focus(); // the button may have been rendered again
      done(dialog.returnValue === "yes");
    });
  });
}
