/** Creates elements from data. Text is set as text and is never parsed as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Creates an HTML element.
 * @param {string} tag
 * @param {Object} properties of the element; names with a dash are attributes
 * @param {...(Node|string|null)} children null is skipped
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
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
