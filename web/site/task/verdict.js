/** What a person has to know first: what failed, why, how often it was tried, what to do. */

import { advice } from "../errors.js";
import { attempts } from "../machine.js";
import { duration } from "../words.js";

/** What to do about an error that docs/errors.md does not know, such as one of AWS. */
const UNKNOWN = "Retry the task. If it fails again, ask the operator of this service.";

const WORK = ["Task", "Map", "Parallel"];

/**
 * Returns what happened in an attempt.
 * @param {Object} task as the API returns it
 * @param {?Object} history of the attempt, null if it is not known
 * @param {boolean} last whether it is the last attempt of the task
 * @param {{machine: Object, errors: Map<string, string>}} known state machine and error meanings
 * @returns {{kind: string, headline: string, error: ?string, tried: ?string, message: ?string,
 *   meaning: ?string, advice: ?string}} kind: failed, completed, running, pending, cancelled, other
 */
export function verdict(task, history, last, known) {
  const failure = failureOf(task, history, last);
  if (failure) {
    const { step, error, message } = failure;
    const { meaning, todo } = advice(known.errors.get(error) ?? "");
    return {
      kind: "failed",
      headline: known.machine.States[step] ? `${step} failed` : "The task failed",
      error,
      tried: triesOf(history, step, attempts(known.machine, step, error) > 1),
      message,
      meaning,
      advice: todo || UNKNOWN,
    };
  }
  const nothing = { error: null, tried: null, message: null, meaning: null, advice: null };
  return { ...nothing, ...(last ? lastAttempt(task, history) : earlier(history)) };
}

function failureOf(task, history, last) {
  if (last && task.status === "FAILED") return task.failure;
  if (last || !["FAILED", "TIMED_OUT"].includes(history?.status)) return null;
  const failed = history.states.filter(({ type, outcome }) => (
    WORK.includes(type) && ["CAUGHT_ERROR", "FAILED"].includes(outcome)
  ));
  const step = failed[0]?.name ?? history.states.at(-1)?.name ?? "The execution";
  return { step, error: history.error, message: history.cause ?? "" };
}

function lastAttempt(task, history) {
  const running = history?.states.findLast(({ outcome }) => outcome === "RUNNING");
  switch (task.status) {
    case "PENDING":
      return { kind: "pending", headline: "Waiting for its execution" };
    case "RUNNING": {
      const tries = running?.tries.length ?? 0;
      return {
        kind: "running",
        headline: running ? `${running.name} is running` : "Running",
        error: null,
        tried: tries > 1 ? `Try ${tries}, because the last one failed` : null,
        message: running?.error ? `${running.error}: ${running.cause ?? ""}` : null,
      };
    }
    case "COMPLETED":
      return { kind: "completed", headline: `Completed${took(task)}` };
    case "CANCELLED":
      return { kind: "cancelled", headline: "Cancelled" };
    default:
      return { kind: "other", headline: String(task.status) };
  }
}

function earlier(history) {
  const names = { SUCCEEDED: "Completed", ABORTED: "Cancelled", RUNNING: "Running" };
  const headline = names[history?.status] ?? "Nothing is known about this attempt";
  const message = history?.missing?.message ?? null;
  return { kind: headline === "Completed" ? "completed" : "other", headline, message };
}

function took({ startedAt, completedAt }) {
  if (!startedAt || !completedAt) return "";
  return ` in ${duration(new Date(startedAt), new Date(completedAt))}`;
}

/** Returns how often a step was tried, and for how long; null if that is not known. */
function triesOf(history, step, retried) {
  const visit = history?.states.findLast(({ name }) => name === step);
  if (!visit?.tries.length) return null;
  const number = visit.tries.length;
  const end = visit.leftAt ?? visit.tries.at(-1).endedAt;
  const time = end ? ` in ${duration(new Date(visit.enteredAt), new Date(end))}` : "";
  if (number > 1) return `Tried ${number} times${time}`;
  return retried ? "Tried once" : "Tried once: this error is not retried";
}
