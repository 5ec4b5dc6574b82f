/** Creates elements from data. Text is set as text and is never parsed as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Creates an HTML element.
 * @param {string} tag
 * @param {Object} properties of the element; names with a dash are attributes
 * @param {...(Node|string|null|Array)} children lists are flattened, null is skipped
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null));
  return made;
}

/** Creates code. */
export const code = (...text) => element("code", {}, text);

/** Creates a paragraph; the parts of its text between backquotes become code. */
export const paragraph = (text, className) => (
  element("p", className ? { className } : {}, prose(text))
);

/** Returns a text as nodes: the parts between backquotes as code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? code(part) : part));
}

/** Creates text for screen readers only. It must stay inside its caption or table head. */
export function visuallyHidden(text) {
  return element("span", { className: "visually-hidden" }, text);
}

/** Creates a table of rows, with a caption for screen readers only. */
export function table(className, caption, head, rows) {
  const cells = head.map((name) => element("th", { scope: "col" }, name));
  return element("table", { className },
    element("caption", {}, visuallyHidden(caption)),
    cells.length ? element("thead", {}, element("tr", {}, cells)) : null,
    element("tbody", {}, rows),
  );
}

/** Creates an SVG element with attributes. */
export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Returns the element with this id. */
export const byId = (id) => document.getElementById(id);

/** Announces a change to users of a screen reader. */
export function announce(text) {
  byId("announcements").textContent = text;
}
