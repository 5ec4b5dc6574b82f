/** The images of a task: its source and its result side by side, or a text in their place. */

import { element } from "./dom.js";

/** Returns the URL of the source to show before the result, and a text if there is none. */
export function before({ source }, file) {
  if (file) return { before: file, missing: "Your browser cannot show the format of the source." };
  const url = source?.imageUrl;
  const shown = url && !url.startsWith("data:") ? url : null;
  let reason = "it is in the bucket";
  if (source?.uploadId) reason = "another tab sent the file";
  else if (url) reason = shown ? "its server does not show it here" : "it was part of the request";
  return { before: shown, missing: `No source image: ${reason}.` };
}

/** Returns the frame of an image. */
export function frame(content) {
  return element("div", { className: "frame" }, content);
}

/**
 * Returns a figure with a result and, if it can be shown, its source.
 * @param {Object} images
 * @param {string} images.name of the task
 * @param {?string} images.before URL of the source; null if there is none to show
 * @param {Object} images.result of the task
 * @param {string} images.missing the text for a source that is missing or does not load
 */
export function compare({ name, before, result, missing }) {
  const figure = element("figure", { className: "compare" });
  figure.style.setProperty("--ratio", result.width / result.height);
  const after = element("img", { src: result.url, alt: `${name}, result` });
  after.addEventListener("error", () => {
    figure.replaceWith(placeholder("Your browser cannot show this format. Open the result."));
  });
  figure.append(after);
  if (before === null) {
    figure.append(element("figcaption", {}, missing));
    return figure;
  }

  // No referrer: the server of the source must not learn the address of this page.
  const image = element("img", {
    className: "before", referrerPolicy: "no-referrer", alt: `${name}, source`, src: before,
  });
  const slider = element("input", {
    type: "range", min: 0, max: 100, value: 50, "aria-label": `${name}: before to after`,
  });
  const parts = [
    image,
    element("span", { className: "handle", "aria-hidden": "true" }),
    element("span", { className: "tag left", "aria-hidden": "true" }, "Before"),
    element("span", { className: "tag right", "aria-hidden": "true" }, "After"),
    slider,
  ];
  const show = () => {
    figure.style.setProperty("--before", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % before`);
  };
  slider.addEventListener("input", show);
  image.addEventListener("error", () => {
    for (const part of parts) part.remove();
    figure.append(element("figcaption", {}, missing));
  });
  figure.append(...parts);
  show();
  return figure;
}

/** Returns a text that replaces an image. */
export function placeholder(text) {
  return element("p", { className: "placeholder" }, text);
}
