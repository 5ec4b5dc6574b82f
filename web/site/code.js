/** Code to look at and to copy, and the request of an example as a command. */

import { announce, element } from "./dom.js";

const NARROW = 48;
const SHOWN = 2000; // milliseconds

/**
 * Makes a block of code with a button that copies it.
 * @param {string} title says what it is, in a few words
 * @param {string} text
 */
export function block(title, text) {
  const code = element("code", {}, text);
  const label = element("span", {}, "Copy");
  const button = element(
    "button",
    { className: "quiet", type: "button" },
    label,
    element("span", { className: "unseen" }, ` ${title}`),
  );
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(code);
      announce("The browser does not let the page copy. The text is selected.");
      return;
    }
    label.textContent = "Copied";
    announce("Copied.");
    setTimeout(() => { label.textContent = "Copy"; }, SHOWN);
  });
  return element(
    "figure",
    { className: "code" },
    element("figcaption", {}, element("span", {}, title), button),
    // It scrolls, so the keyboard must be able to get there.
    element("pre", { tabIndex: 0, role: "group", "aria-label": title }, code),
  );
}

/** Returns an example as JSON text: on one line, if that is short. */
export function json(example) {
  const line = JSON.stringify(example);
  return line.length > NARROW ? JSON.stringify(example, null, 2) : line;
}

/**
 * Returns the command that sends a request. The key, where one is needed, is in `$apiKey`.
 * @param {Object} route see `readRoutes`
 * @param {string} address of the API, without a slash at its end
 * @param {*} [body] undefined: it has none
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
