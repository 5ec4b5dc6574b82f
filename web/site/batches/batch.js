/** The page of one batch: its progress, its tasks, what can be done with it. */

import { ALL, BATCHES } from "../address.js";
import { explain, get, post, remove } from "../api.js";
import { facts, isOver, numbers, progress, sum, taskRow, tasksOf, verdict } from "./batch-parts.js";
import { ask } from "../confirm.js";
import { announce, byId, element } from "../dom.js";
import { Poll } from "../poll.js";
import { saveReport } from "./report.js";
import { Results } from "./results.js";
import { Rows } from "../rows.js";
import { batchTitle, count, statusName } from "../words.js";

const PAGE = 100;

export class BatchPage {
  #refused;
  #wanted = null;
  #batch = null;
  #rows = null;
  #shownStatus = null;
  #counted = "";
  #listIsNext = false;
  #pause = null;
  #saving = "";
  #wasDeleted = false;
  #pollFailed = false;
  #parts = {};
  #poll = new Poll((wanted) => this.#read(wanted), (error) => this.#fail(error));

  /** @param {function()} refused is called if the API refuses the key */
  constructor(refused) {
    this.#refused = refused;
  }

  /** Shows a batch and its tasks of a status; empty: the failed ones, if there are any. */
  show({ batch, status }) {
    if (batch !== this.#wanted?.id) {
      this.stop();
      this.#build();
      byId("batch-title").focus();
    }
    this.#wanted = { id: batch, status };
    this.#render();
    this.#refresh();
  }

  /** Stops polling and forgets the batch. */
  stop() {
    this.#poll.stop();
    this.#wanted = this.#batch = this.#rows = this.#shownStatus = null;
    this.#saving = "";
    this.#wasDeleted = this.#pollFailed = false;
    byId("batch").replaceChildren();
  }

  #refresh() {
    this.#listIsNext = false;
    this.#poll.now();
  }

  /** Reads the batch, or a page of its tasks: of an open batch one of them in each poll. */
  async #read(wanted) {
    if (this.#listIsNext) {
      this.#listIsNext = false;
      await this.#rows.read(wanted);
      if (!wanted()) return null;
    } else {
      const { body, retryAfter } = await get(`batches/${encodeURIComponent(this.#wanted.id)}`);
      if (!wanted()) return null;
      this.#take(body);
      this.#pause = isOver(body) ? null : retryAfter ?? 1;
      if (this.#rows.isUnread) await this.#rows.read(wanted);
      if (!wanted()) return null;
      this.#listIsNext = this.#rows.isStale;
    }
    if (this.#pollFailed) this.#say("");
    this.#pollFailed = false;
    this.#render();
    if (this.#pause !== null) return this.#pause;
    this.#listIsNext = this.#rows.isStale;
    return this.#listIsNext ? 0 : null;
  }

  #take(batch) {
    const last = this.#batch;
    this.#batch = batch;
    if (last && last.status !== batch.status) {
      announce(`${batchTitle(batch)}: ${batch.status.toLowerCase()}`);
    }
    const { counts, deleted } = batch;
    const changed = JSON.stringify([counts, deleted]);
    if (this.#status !== this.#shownStatus) this.#list();
    else if (changed !== this.#counted) this.#rows.expire();
    this.#counted = changed;
  }

  /** The status of the tasks to show; empty: all. */
  get #status() {
    const { status } = this.#wanted;
    if (status) return status === ALL ? "" : status;
    return this.#batch.counts.FAILED ? "FAILED" : "";
  }

  /** Starts the list of tasks again. */
  #list() {
    this.#shownStatus = this.#status;
    this.#rows = new Rows(tasksOf(this.#batch), this.#status, PAGE, taskRow);
    this.#parts.list.replaceChildren(this.#rows.node);
  }

  #fail(error) {
    if (error.status === 403) return this.#refused();
    this.#pollFailed = true;
    if (error.status !== 404) return this.#say(`${explain(error)} Trying again.`);
    this.#poll.stop();
    const { back, heading, problem } = this.#parts;
    const deleted = this.#wasDeleted || this.#batch?.deletionRequestedAt;
    byId("batch").replaceChildren(back, heading, problem, deleted
      ? element("p", {}, "This batch, its tasks and their results were deleted.") : "");
    if (!deleted) return this.#say(explain(error));
    announce("The batch was deleted.");
    heading.focus();
  }

  #say(problem) {
    this.#parts.problem.textContent = problem;
  }

  #build() {
    const parts = this.#parts = {
      back: element("a", { className: "back", href: BATCHES }, "← All batches"),
      heading: element("h2", { id: "batch-title", tabIndex: -1, dir: "auto" }, "Batch"),
      status: element("p", { className: "status", hidden: true }),
      header: element("header"),
      problem: element("p", { className: "problem", role: "alert" }),
      top: element("div", { className: "top" }, "Loading…"),
      results: new Results(),
      tasks: element("section", { "aria-labelledby": "batch-tasks", hidden: true }),
      listed: element("h3", { id: "batch-tasks" }),
      list: element("div"),
      none: element("p", { className: "empty" }),
      more: element("button", { type: "button", className: "more" }, "More tasks"),
    };
    parts.more.addEventListener("click", () => {
      this.#rows.more();
      this.#refresh();
    });
    parts.header.append(parts.heading, parts.status);
    parts.tasks.append(parts.listed, parts.list, parts.none, parts.more);
    byId("batch").replaceChildren(
      parts.back, parts.header, parts.problem, parts.top, parts.results.node, parts.tasks,
    );
  }

  /** Shows everything but the tasks, which their list shows. */
  #render() {
    const { heading, header, status: shown, top } = this.#parts;
    const name = this.#batch ? batchTitle(this.#batch) : "Batch";
    document.title = `${name} – Darkroom`;
    heading.textContent = name;
    if (!this.#batch) return;
    const { status, deletionRequestedAt } = this.#batch;
    header.className = deletionRequestedAt ? "" : status.toLowerCase();
    shown.textContent = deletionRequestedAt ? "Being deleted" : statusName(status);
    shown.hidden = false;
    const focused = top.contains(document.activeElement) ? document.activeElement.id : null;
    top.replaceChildren(
      facts(this.#batch), progress(this.#batch), numbers(this.#batch, this.#shownStatus),
      ...verdict(this.#batch), this.#actions(),
    );
    if (focused) (byId(focused) ?? heading).focus();
    this.#renderList();
  }

  #renderList() {
    const { tasks, listed, none, more } = this.#parts;
    const rows = this.#rows;
    tasks.hidden = !rows || rows.isUnread && !rows.items.length;
    if (tasks.hidden) return;
    listed.textContent = this.#shownStatus ? `${statusName(this.#shownStatus)} tasks` : "All tasks";
    const reading = this.#batch.status === "RUNNING" && this.#batch.total === null;
    none.textContent = reading ? "Its list is being read." : "None.";
    none.hidden = rows.items.length > 0 || rows.goesOn;
    more.hidden = !rows.goesOn;
  }

  #actions() {
    const { links, status, counts, deletionRequestedAt, execution } = this.#batch;
    const button = (id, name, act, className = "") => {
      const made = element("button", { id: `batch-${id}`, type: "button", className }, name);
      made.addEventListener("click", () => act(made));
      return made;
    };
    const sent = (id, name, link, className) => (
      link ? button(id, name, (made) => this.#act(made, () => post(link)), className) : null
    );
    const again = counts.FAILED + counts.CANCELLED;
    const ended = status !== "RUNNING" && !deletionRequestedAt;
    const saving = this.#parts.results.isRunning;
    const consoleUrl = execution?.consoleUrl;
    return element("div", { className: "actions" },
      sent("retry", again ? `Retry ${count(again, "task")}` : "Retry",
        (again || status !== "COMPLETED") && links.retry, "strong"),
      sent("cancel", "Cancel the batch", links.cancel),
      counts.COMPLETED && !deletionRequestedAt
        ? button("save", saving ? "Stop saving" : `Save ${count(counts.COMPLETED, "result")}`,
          () => this.#save(), again ? "" : "strong")
        : null,
      sum(counts) && !deletionRequestedAt
        ? button("report", this.#saving || "Download the report", () => this.#report())
        : null,
      ended ? button("delete", "Delete the batch", (made) => this.#delete(made)) : null,
      consoleUrl
        ? element("a", {
          id: "batch-execution", className: "button", href: consoleUrl,
          target: "_blank", rel: "noopener noreferrer",
        }, "Execution in AWS")
        : null,
    );
  }

  /** Sends a request for an action, and shows the batch afterwards. */
  async #act(button, request) {
    const { id } = this.#wanted;
    this.#poll.stop();
    button.disabled = true;
    try {
      const batch = await request();
      if (id !== this.#wanted?.id) return;
      this.#say("");
      if (batch) this.#take(batch);
    } catch (error) {
      this.#failAction(id, error);
    }
    if (id !== this.#wanted?.id) return;
    this.#refresh();
    this.#render();
    // The button was disabled, and may be gone.
    if (document.activeElement === document.body) {
      (byId(button.id) ?? this.#parts.heading).focus();
    }
  }

  #failAction(id, error) {
    if (error.status === 403) return this.#refused();
    if (id === this.#wanted?.id) this.#say(explain(error));
  }

  async #delete(button) {
    const { links, total } = this.#batch;
    const tasks = total === 1 ? "its task" : total ? `its ${count(total, "task")}` : "its tasks";
    const sure = await ask(`Delete ${batchTitle(this.#batch)}?`, "Delete the batch", element("p", {},
      `This deletes the batch, ${tasks}, their results and the files that were uploaded for them. `
        + "Links to the results stop working."));
    if (!sure) return;
    this.#act(button, async () => {
      await remove(links.self);
      this.#wasDeleted = true;
    });
  }

  async #save() {
    const { id } = this.#wanted;
    const { results } = this.#parts;
    if (results.isRunning) return results.stop();
    this.#say("");
    const saving = results.save(this.#batch);
    this.#render();
    try {
      await saving;
    } catch (error) {
      this.#failAction(id, error);
    }
    if (id === this.#wanted?.id) this.#render();
  }

  async #report() {
    const { id } = this.#wanted;
    if (this.#saving) return;
    const show = (text) => {
      this.#saving = text;
      const button = byId("batch-report");
      if (button) button.textContent = text || "Download the report";
    };
    show("Report: reading the tasks");
    try {
      await saveReport(this.#batch, (number) => {
        if (id !== this.#wanted?.id) return false;
        show(`Report: ${count(number, "task")} read`);
        return true;
      });
      if (id === this.#wanted?.id) show("");
    } catch (error) {
      this.#saving = "";
      this.#failAction(id, error);
    }
  }
}
