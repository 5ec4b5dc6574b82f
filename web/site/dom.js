/** Elements made from data. Properties are set and text is text: nothing is ever parsed as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an HTML element.
 * @param {string} tag
 * @param {Object} properties of the element; names with a dash are attributes
 * @param {...(Node|string|null)} children null is left out
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

/** Makes an SVG element; all of `attributes` are attributes. */
export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Returns the element of the page that has this id. */
export const byId = (id) => document.getElementById(id);

/** Tells people who do not see the page what has changed on it. */
export function announce(text) {
  byId("news").textContent = text;
}
