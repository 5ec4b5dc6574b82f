/** The source on top of the result, with a slider between them. */

import { element } from "./dom.js";

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

/** Returns a text in the place of an image. */
export function placeholder(text) {
  return element("p", { className: "placeholder" }, text);
}
