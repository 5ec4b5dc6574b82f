/** The parts of a batch's page. Each is made from the batch, as the API returns it. */

import { ALL, ofBatch, ofTask, STATUSES } from "../address.js";
import { code, element } from "../dom.js";
import { full } from "../times.js";
import { count, locationOf, statusName, title } from "../words.js";

const OPEN = ["PENDING", "RUNNING"];
/** Failed files that are listed; of the others, only the number. */
const LISTED = 20;
/** The order in which the bar shows the statuses. */
const BAR = ["COMPLETED", "FAILED", "CANCELLED", "RUNNING", "PENDING"];

/** Returns a link to the batch of a task; nothing if it has none. */
export function batchLink({ batchId }) {
  if (!batchId) return [];
  const link = element("a", { id: "task-batch", href: ofBatch(batchId) }, code(batchId));
  return element("span", {}, "Batch ", link);
}

/** Returns the path of the tasks of a batch. */
export const tasksOf = ({ batchId }) => `batches/${encodeURIComponent(batchId)}/tasks`;

/** A list of files that failed, with their reasons. */
export function failures(failed) {
  const more = failed.length - LISTED;
  return element("ul", {},
    failed.slice(0, LISTED).map(({ path, problem }) => (
      element("li", {}, element("span", { dir: "auto" }, path), `: ${problem}`)
    )),
    more > 0 ? element("li", {}, `${more.toLocaleString()} more.`) : null);
}

/** When the batch was created and ended, and what is special about it. */
export function facts(batch) {
  const { batchId, createdAt, completedAt, toleratedFailurePercentage, deleted } = batch;
  const found = [
    ["Created ", full(createdAt)],
    completedAt && ["Ended ", full(completedAt)],
    toleratedFailurePercentage < 100 && `Fails if more than ${toleratedFailurePercentage}% fail`,
    deleted && `${count(deleted, "task")} deleted`,
    ["Batch ", code(batchId)],
  ];
  return element("div", { className: "facts" },
    found.filter(Boolean).map((fact) => element("span", {}, fact)));
}

/** The number of tasks by status, as links that show them; `shown` is the current one. */
export function numbers(batch, shown) {
  const { batchId, counts, total } = batch;
  const link = (status, name, number) => {
    const className = number ? status.toLowerCase() : "none";
    const made = element("a", {
      id: `tasks-${status}`, href: ofBatch(batchId, status), className,
    }, element("span", {}, name), " ", element("strong", {}, number.toLocaleString()));
    if ((status === ALL ? "" : status) === shown) made.ariaCurrent = "true";
    return made;
  };
  return element("nav", { className: "numbers", "aria-label": "Tasks by status" },
    link(ALL, total === null ? "All so far" : "All", total ?? sum(counts)),
    STATUSES.map((status) => link(status, statusName(status), counts[status])));
}

/** Why the batch failed; or that it is being deleted. */
export function verdict({ failure, deletionRequestedAt }) {
  if (deletionRequestedAt) return [element("p", {}, "The deletion cannot be stopped.")];
  if (!failure) return [];
  return [element("div", { className: "verdict failed" },
    element("h3", {}, "The batch failed: ", code(failure.error)),
    element("p", { className: "message", dir: "auto" }, failure.message),
  )];
}

/** Whether a batch and all its tasks have ended. The tasks of a cancelled one end later. */
export function isOver({ status, counts, deletionRequestedAt }) {
  return status !== "RUNNING" && !deletionRequestedAt && !OPEN.some((open) => counts[open]);
}

/** Returns the number of all tasks that are counted. */
export function sum(counts) {
  return Object.values(counts).reduce((total, number) => total + number, 0);
}

/** The share of tasks of each status, as a bar, and how many have ended. */
export function progress({ status, counts, total, deleted, deletionRequestedAt }) {
  const all = total ?? sum(counts);
  const ended = BAR.slice(0, 3).reduce((number, one) => number + counts[one], 0);
  const text = deletionRequestedAt
    ? `${deleted.toLocaleString()} of ${count(deleted + all, "task")} deleted`
    : `${ended.toLocaleString()} of ${count(all, "task")} ended`;
  const parts = deletionRequestedAt
    ? [["cancelled", deleted], ["pending", all]]
    : BAR.map((one) => [one.toLowerCase(), counts[one]]);
  const shares = parts.map(([className, number]) => {
    const share = element("span", { className });
    share.style.flexGrow = number;
    return share;
  });
  return element("div", { className: "share" },
    element("div", { className: "bar-of-shares", role: "img", "aria-label": text }, shares),
    element("p", {}, total === null && status === "RUNNING" ? "The list is being read." : text),
  );
}

/** The row of a task. */
export function taskRow(task) {
  const { taskId, status, failure } = task;
  return element("li", { className: status.toLowerCase() },
    element("p", { className: "status" }, statusName(status)),
    element("a", {
      id: `row-${taskId}`, className: "name", href: ofTask(taskId), dir: "auto",
      title: locationOf(task) ?? "",
    }, title(task)),
    failure
      ? element("p", { className: "why", dir: "auto" },
        element("span", {}, code(failure.error), ` in ${failure.step}`), " ",
        element("span", { className: "message" }, failure.message))
      : null,
  );
}
