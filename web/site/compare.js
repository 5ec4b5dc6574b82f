/** Before and after, one over the other, with a slider between them. */

import { element } from "./dom.js";

/**
 * Shows a result, and its source over it if that can be shown.
 * @param {Object} pictures
 * @param {string} pictures.name what is shown
 * @param {?string} pictures.before its address, null if there is none to show
 * @param {Object} pictures.result of the task
 * @param {string} pictures.missing why there is no before, or it does not load
 */
export function compare({ name, before, result, missing }) {
  const figure = element("figure", { className: "compare" });
  figure.style.setProperty("--ratio", result.width / result.height);
  const after = element("img", { src: result.url, alt: `${name}, developed` });
  after.addEventListener("error", () => {
    figure.replaceWith(notice("Your browser cannot show this format. Save the result instead."));
  });
  figure.append(after);
  if (before === null) {
    figure.append(element("figcaption", {}, missing));
    return figure;
  }

  // No referrer goes along: a source learns nothing of this page.
  const image = element("img", {
    className: "before", referrerPolicy: "no-referrer", alt: `${name}, as it came`, src: before,
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

/** Returns what stands in the place of a picture. */
export function notice(text) {
  return element("p", { className: "blank" }, text);
}
