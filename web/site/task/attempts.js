/** The choice between the attempts of a task. */

import { ofTask } from "../address.js";
import { element } from "../dom.js";

/** Attempts beside the shown one that are offered, if there are many. */
const AROUND = 3;

/**
 * Returns links to the attempts of a task: to the first, the last and those around the shown one.
 * @param {{taskId: string, attempt: number}} task
 * @param {number} shown the attempt that the page shows
 */
export function attempts({ taskId, attempt }, shown) {
  if (attempt === 1) return element("span", {}, "Attempt 1");
  const offered = [...new Set([1, ...around(shown, attempt), attempt])].sort((a, b) => a - b);
  const links = offered.map((number, index) => {
    const href = ofTask(taskId, number === attempt ? null : number);
    const link = element("a", { id: `attempt-${number}`, href }, String(number));
    if (number === shown) link.setAttribute("aria-current", "page");
    return [number > (offered[index - 1] ?? 0) + 1 ? "… " : "", link];
  });
  return element("nav", { className: "attempts", "aria-label": "Attempts" }, "Attempt ", links);
}

function around(shown, last) {
  const numbers = Array.from({ length: 2 * AROUND + 1 }, (_, index) => shown - AROUND + index);
  return numbers.filter((number) => number >= 1 && number <= last);
}
