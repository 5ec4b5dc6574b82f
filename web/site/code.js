/** Blocks of code with a copy button, and the curl command of an example. */

import { announce, code, element, visuallyHidden } from "./dom.js";

const NARROW = 48;
const SHOWN = 2000; // milliseconds

/**
 * Returns a block of code with a copy button.
 * @param {string} title a short description
 * @param {string} text
 */
export function block(title, text) {
  const content = code(text);
  const label = element("span", {}, "Copy");
  const button = element("button", { className: "quiet", type: "button" },
    label, visuallyHidden(` ${title}`),
  );
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(content);
      announce("The browser does not allow copying. The text is selected: copy it yourself.");
      return;
    }
    label.textContent = "Copied";
    announce("Copied.");
    setTimeout(() => { label.textContent = "Copy"; }, SHOWN);
  });
  return element("figure", { className: "code" },
    element("figcaption", {}, element("span", {}, title), button),
    // It scrolls, so it must be reachable with the keyboard.
    element("pre", { tabIndex: 0, role: "group", "aria-label": title }, content),
  );
}

/** Returns an example as JSON: on one line if it is short. */
export function json(example) {
  const line = JSON.stringify(example);
  return line.length > NARROW ? JSON.stringify(example, null, 2) : line;
}

/**
 * Returns the curl command of a request. It takes the key, if the route needs one, from `$apiKey`.
 * @param {Object} route see `readRoutes`
 * @param {string} address of the API, without a slash at the end
 * @param {*} [body] undefined: no body
 */
export function curl(route, address, body) {
  const path = route.path.replace(/\{(\w+)\}/g, (place, name) => {
    const parameter = route.parameters.find((one) => one.name === name && one.in === "path");
    return parameter?.example ?? parameter?.schema?.example ?? place;
  });
  const sent = body !== undefined;
  const method = route.method === (sent ? "post" : "get") ? "" : `-X ${route.method.toUpperCase()} `;
  const parts = [`curl -s ${method}"${address}${path}"`];
  if (route.scheme) parts.push(`-H "${route.scheme.name}: $apiKey"`);
  if (sent) {
    parts.push("-H 'Content-Type: application/json'", `-d '${json(body).replaceAll("'", "'\\''")}'`);
  }
  return parts.join(" \\\n  ");
}
