/** The page of one task: what failed and what to do, its execution, its images. */

import { ofTask } from "../address.js";
import { explain, get, post, remove } from "../api.js";
import { attempts } from "./attempts.js";
import { confirmDeletion } from "../confirm.js";
import { announce, byId, code, element, paragraph } from "../dom.js";
import { batchLink } from "../batches/batch-parts.js";
import { details } from "./details.js";
import { drawExecution } from "./graph.js";
import { Logs } from "./logs.js";
import { before, compare, frame } from "../picture.js";
import { Poll } from "../poll.js";
import { full } from "../times.js";
import { verdict } from "./verdict.js";
import { count, duration, locationOf, size, statusName, title } from "../words.js";

const OPEN = ["PENDING", "RUNNING"];
/** Seconds between two readings of the history of a running task: it is not made for polling. */
const BETWEEN_HISTORIES = 4;
/** Readings of the history of an ended task until it has the end, which may arrive late. */
const LATE = 5;

export class TaskPage {
  #known;
  #refused;
  #deleted;
  #logs;
  #fileOf;
  #list;
  #poll = new Poll((wanted) => this.#read(wanted), (error) => this.#fail(error));
  #wanted = null;
  #task = null;
  #history = null;
  #historyOf = null;
  #readAt = 0;
  #late = 0;
  #problem = "";
  #pollFailed = false;

  /**
   * @param {{machine: Object, errors: Map<string, string>}} known state machine and error meanings
   * @param {function(string): ?string} fileOf returns the URL of the file that this tab sent
   * @param {{refused: function(), deleted: function(string), list: function(): string}} calls
   *   `refused`: the API refuses the key; `deleted`: the task of this id is gone; `list`: returns
   *   the address of the list
   */
  constructor(known, fileOf, { refused, deleted, list }) {
    this.#known = known;
    this.#fileOf = fileOf;
    this.#refused = refused;
    this.#deleted = deleted;
    this.#logs = new Logs(refused);
    this.#list = list;
  }

  /** Shows a task; `attempt` is null for the last one. */
  show({ task, attempt }) {
    this.stop();
    this.#wanted = { id: task, attempt };
    this.#render();
    byId("task-title").focus();
    this.#poll.now();
  }

  /** Stops polling and forgets the task. */
  stop() {
    this.#poll.stop();
    this.#wanted = this.#task = this.#history = this.#historyOf = null;
    this.#late = this.#readAt = 0;
    this.#problem = "";
    this.#pollFailed = false;
    byId("task").replaceChildren();
  }

  /** Reads the task, and its history when that is due. */
  async #read(wanted) {
    const { body, retryAfter } = await get(`tasks/${encodeURIComponent(this.#wanted.id)}`);
    if (!wanted()) return null;
    const ended = this.#task && OPEN.includes(this.#task.status) && !OPEN.includes(body.status);
    this.#task = body;
    if (ended) announce(`${title(body)}: ${body.status.toLowerCase()}`);
    await this.#readHistory(wanted);
    if (!wanted()) return null;
    // The problem of an action stays until the next one.
    if (this.#pollFailed) this.#problem = "";
    this.#pollFailed = false;
    this.#render();
    return OPEN.includes(body.status) ? retryAfter ?? 0 : this.#untilTheEnd();
  }

  #fail(error) {
    if (error.status === 403) return this.#refused();
    this.#pollFailed = true;
    this.#problem = explain(error);
    if (error.status === 404) {
      this.#poll.stop();
      this.#task = null;
      this.#problem += " It was deleted, it has expired, or there never was one.";
    }
    this.#render();
  }

  get #attempt() {
    return this.#wanted.attempt ?? this.#task.attempt;
  }

  get #isLast() {
    return this.#attempt === this.#task.attempt;
  }

  /** Reads the history if the task has changed, or from time to time while it runs. */
  async #readHistory(wanted) {
    const version = `${this.#attempt} ${this.#isLast ? this.#task.status : ""}`;
    const due = Date.now() - this.#readAt > BETWEEN_HISTORIES * 1000;
    const changed = version !== this.#historyOf;
    const running = this.#isLast && this.#task.status === "RUNNING";
    if (!changed && !(due && (running || this.#late))) return;
    const query = this.#wanted.attempt ? `?attempt=${this.#wanted.attempt}` : "";
    const { body } = await get(`tasks/${encodeURIComponent(this.#wanted.id)}/history${query}`);
    if (!wanted()) return;
    this.#readAt = Date.now();
    this.#late = changed ? LATE : Math.max(this.#late - 1, 0);
    this.#historyOf = version;
    this.#history = body;
  }

  /** Returns when to read the history of an ended task again, null if it is complete. */
  #untilTheEnd() {
    const { status, missing } = this.#history;
    const late = status === "RUNNING" || missing?.code === "NotLogged";
    if (!late || !this.#isLast) this.#late = 0;
    return this.#late ? BETWEEN_HISTORIES + 0.5 : null;
  }

  async #act(button, name, link) {
    const { taskId, attempt } = this.#task;
    const shown = title(this.#task);
    if (name === "Delete" && !await confirmDeletion([shown])) return;
    button.disabled = true;
    try {
      if (name === "Delete") {
        await remove(link);
        announce(`${shown}: deleted`);
        return this.#deleted(taskId);
      }
      await post(link, name === "Retry" ? { attempt } : {});
      this.#problem = "";
      if (name === "Retry" && this.#wanted.attempt) location.hash = ofTask(taskId);
      else await this.#poll.now();
    } catch (error) {
      if (error.status === 403) return this.#refused();
      this.#problem = explain(error);
      this.#render();
    }
  }

  #render() {
    const node = byId("task");
    const opened = new Map([...node.querySelectorAll("details")].map((one) => [one.id, one.open]));
    const focused = node.contains(document.activeElement) ? document.activeElement.id : null;
    const name = this.#task ? title(this.#task) : "Task";
    document.title = `${name} – Darkroom`;
    const heading = element("h2", { id: "task-title", tabIndex: -1, dir: "auto" }, name);
    const problem = element("p", { className: "problem", role: "alert" }, this.#problem);
    const place = { id: "back", className: "back", href: this.#list() };
    const back = element("a", place, "← All tasks");
    let content = [];
    try {
      content = this.#task ? this.#content() : this.#problem ? [] : [element("p", {}, "Loading…")];
    } catch (error) {
      problem.textContent = `This task cannot be shown. ${explain(error)}`;
    }
    node.className = `task ${String(this.#task?.status ?? "").toLowerCase()}`;
    const header = element("header", {}, heading, this.#task
      ? element("p", { className: "status" }, statusName(this.#task.status))
      : null);
    node.replaceChildren(back, header, problem, ...content);
    for (const one of node.querySelectorAll("details")) {
      if (opened.has(one.id)) one.open = opened.get(one.id);
    }
    if (focused) byId(focused)?.focus();
  }

  #content() {
    const task = this.#task;
    const history = this.#history?.attempt === this.#attempt ? this.#history : null;
    const found = verdict(task, history, this.#isLast, this.#known);
    const states = history?.states ?? [];
    return [
      this.#facts(),
      element("div", { className: "parts" },
        element("section", { className: "what", "aria-label": "What happened" },
          this.#verdict(found), this.#actions(found)),
        element("section", { className: "drawing", "aria-label": "State machine" },
          drawExecution(this.#known.machine, states, history?.status),
          history?.missing && this.#isLast
            ? element("p", { className: "missing" }, history.missing.message)
            : null),
        element("div", { className: "rest" },
          this.#picture(), details(history), this.#logLines()),
      ),
    ];
  }

  #facts() {
    const { taskId, createdAt, startedAt, completedAt, result } = this.#task;
    const facts = [
      ["Created ", full(createdAt)],
      completedAt && startedAt && `ran for ${duration(new Date(startedAt), new Date(completedAt))}`,
      result && `${result.width} × ${result.height}, ${size(result.bytes)}`,
    ];
    return element("div", { className: "facts" },
      facts.filter(Boolean).map((fact) => element("span", {}, fact)),
      attempts(this.#task, this.#attempt),
      element("span", {}, "Task ", code(taskId)),
      element("span", { className: "place", dir: "auto" }, locationOf(this.#task) ?? ""),
      batchLink(this.#task),
      webhookOutcome(this.#task),
    );
  }

  #verdict({ kind, headline, error, tried, message, meaning, advice }) {
    const part = (className, name, text) => text
      ? element("div", { className }, element("h4", {}, name), paragraph(text))
      : null;
    const { taskId, attempt, status } = this.#task;
    return element("div", { className: `verdict ${kind}` },
      this.#isLast ? null : element("p", { className: "earlier" },
        `This was attempt ${this.#attempt} of ${attempt}. `,
        element("a", { id: "last-attempt", href: ofTask(taskId) },
          `The last attempt is ${status.toLowerCase()}.`)),
      element("h3", {}, headline, error ? [": ", code(error)] : null),
      tried ? element("p", { className: "tried" }, tried) : null,
      message ? element("p", { className: "message", dir: "auto" }, message) : null,
      part("todo", "What to do", advice),
      part("meaning", "What it means", meaning),
    );
  }

  #actions({ kind }) {
    const { taskId, links, result } = this.#task;
    const button = (name, link, className) => {
      if (!link) return null;
      const id = `do-${name.toLowerCase()}`;
      const made = element("button", { id, type: "button", className }, name);
      made.addEventListener("click", () => this.#act(made, name, link));
      return made;
    };
    const link = (name, href) => element("a", {
      className: "button", href, target: "_blank", rel: "noopener noreferrer",
    }, name);
    const { consoleUrl, logsUrl } = this.#history?.execution ?? this.#task.execution ?? {};
    const own = consoleUrl && new URL(consoleUrl, location.href).origin === location.origin;
    return element("div", { className: "actions" },
      button("Retry", links.retry, kind === "failed" ? "strong" : ""),
      button("Cancel", links.cancel, ""),
      result ? link("Open result", result.url) : null,
      OPEN.includes(this.#task.status) ? null : button("Delete", links.self, ""),
      consoleUrl && !own ? link("Execution in AWS", consoleUrl) : null,
      logsUrl ? link("Logs in AWS", logsUrl) : null,
      logsUrl ? null
        : element("p", { className: "command" }, "Logs: ", code(`darkroom logs ${taskId}`)),
    );
  }

  #logLines() {
    const { taskId, attempt } = this.#task;
    this.#logs.show(taskId, attempt);
    return element("section", {}, element("h3", {}, "Logs"), this.#isLast
      ? this.#logs.node
      : element("p", { className: "limit" },
        "This page has only those of the last attempt. All are shown by ",
        code(`darkroom logs ${taskId}`)));
  }

  #picture() {
    const { taskId, result } = this.#task;
    if (!result || !this.#isLast) return null;
    const source = before(this.#task, this.#fileOf(taskId));
    return frame(compare({ name: title(this.#task), result, ...source }));
  }
}

/** Says whether the webhook of a task was delivered, if it has one. */
function webhookOutcome({ callback }) {
  if (!callback) return null;
  const { delivered, tries, message } = callback.delivery ?? {};
  const failed = tries
    ? `not delivered in ${count(tries, "try", "tries")}: ${message}`
    : "not sent yet";
  return element("span", { className: "place" }, `Webhook ${delivered ? "delivered" : failed}`);
}
