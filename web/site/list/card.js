/** The card of a task: its image, its state in the state machine, its failure, its actions. */

import { ofTask } from "../address.js";
import { explain } from "../api.js";
import { confirmDeletion } from "../confirm.js";
import { code, element, paragraph } from "../dom.js";
import { attempts, draw } from "../machine.js";
import { before, compare, frame, placeholder } from "../picture.js";
import { short } from "../times.js";
import { duration, locationOf, size, statusName, title } from "../words.js";

/** The order of statuses within one attempt; all final statuses come last. */
const PROGRESS = { PENDING: 0, RUNNING: 1 };

/** The card of a task. Its content is rendered again only when the status has changed. */
export class Card {
  task = null;
  filled = false;
  #known;
  #act;
  #view;
  #parts = {};
  #refusal = "";
  #check;

  /**
   * @param {Object} task as the API returns it
   * @param {Object} options
   * @param {?string} options.file URL of the file that this tab sent; null if it did not send one
   * @param {{machine: Object, errors: Map<string, string>}} options.known
   * @param {string} options.view "rows": the task is one line
   * @param {boolean} options.later whether `fill` is called later: only then it has content
   * @param {function(Object, string)} options.act does something with a task: "retry", "cancel" or
   *   "delete"
   * @param {function()} options.selected is called when the task is selected or no longer
   */
  constructor(task, { file, known, view, later, act, selected }) {
    this.#known = known;
    this.#act = act;
    this.#view = view;
    this.filled = !later;
    this.file = file;
    this.title = title(task);
    this.#check = element("input", { type: "checkbox", className: "select" });
    this.#check.setAttribute("aria-label", `Select ${this.title}`);
    this.#check.addEventListener("change", selected);
    this.createdAt = task.createdAt;
    this.born = Date.now();
    this.node = element("article", { tabIndex: -1, "aria-label": this.title });
    this.update(task);
  }

  get open() {
    return this.task.status in PROGRESS;
  }

  get selected() {
    return this.#check.checked;
  }

  set selected(value) {
    this.#check.checked = value;
  }

  /** What the filter finds: the title, the location, the id, the status and the error. */
  get words() {
    const { taskId, status, failure } = this.task;
    return [this.title, locationOf(this.task), taskId, status, failure?.error]
      .filter(Boolean).join("\n").toLowerCase();
  }

  /** Empties the card. Once it is filled, it shows the task as a card, or as one line. */
  setView(view) {
    this.#view = view;
    this.filled = false;
    this.node.replaceChildren();
  }

  /** Gives the card its content, if it was made without. */
  fill() {
    if (this.filled) return;
    this.filled = true;
    this.#show();
  }

  /**
   * Shows the current task. A response that is older than the shown one is ignored.
   * @returns {boolean} whether the status or the attempt has changed
   */
  update(task) {
    const last = this.task;
    if (last && stage(task) < stage(last)) return false;
    this.task = task;
    if (last && stage(task) === stage(last)) {
      if (task.result && this.#parts.save) this.#parts.save.href = task.result.url; // links expire
      return false;
    }
    this.#show();
    return true;
  }

  #show() {
    const focused = this.node.contains(document.activeElement);
    this.node.className = `card ${String(this.task.status).toLowerCase()}`;
    if (!this.filled) return;
    this.#parts = { problem: element("p", { className: "problem", role: "alert" }, this.#refusal) };
    this.node.replaceChildren(...this.#content());
    if (focused && !this.node.contains(document.activeElement)) this.node.focus();
  }

  /** Shows an error of an action of this card, until the next action. */
  showProblem(message) {
    this.#refusal = message;
    if (this.#parts.problem) this.#parts.problem.textContent = message;
  }

  /** Renders the card. An unexpected task must not prevent the others from being shown. */
  #content() {
    try {
      return this.#view === "rows" ? this.#row() : [this.#picture(), this.#details()];
    } catch (error) {
      this.#parts.problem.textContent = `This task cannot be shown. ${explain(error)}`;
      const name = element("h3", { dir: "auto" }, this.title);
      const id = element("p", { className: "facts" }, `Task ${this.task.taskId}`);
      const details = element("div", { className: "details" }, name, id, this.#parts.problem);
      return [frame(placeholder("Not shown")), details];
    }
  }

  #row() {
    const { createdAt, failure } = this.task;
    return [
      this.#check,
      this.#status(),
      this.#name(),
      element("p", { className: "problem why", dir: "auto", title: failure?.message ?? "" }, failure
        ? [code(failure.error), ` ${failure.message}`] : ""),
      this.#parts.problem,
      short(createdAt),
      element("div", { className: "do" }, this.#buttons("quiet")),
    ];
  }

  #name() {
    return element("a", { className: "name", href: ofTask(this.task.taskId) },
      element("h3", { dir: "auto", title: locationOf(this.task) ?? this.title }, this.title));
  }

  #status() {
    return element("p", { className: "status" }, statusName(this.task.status));
  }

  #picture() {
    const { status, result } = this.task;
    const source = before(this.task, this.file);
    if (result) return frame(compare({ name: this.title, result, ...source }));
    if (status === "FAILED") return frame(placeholder("No result"));
    if (status === "CANCELLED") return frame(placeholder("Cancelled"));
    if (status === "COMPLETED") return frame(placeholder("The result has expired"));
    // The source URL may not work; a file of this tab can be shown.
    if (!this.file) return frame(placeholder(status === "RUNNING" ? "In progress" : "Waiting"));
    const image = element("img", { src: this.file, alt: `${this.title}, source` });
    image.addEventListener("error", () => image.replaceWith(placeholder("In progress")));
    return frame(element("div", { className: "in-progress" }, image));
  }

  #details() {
    const { failure } = this.task;
    return element("div", { className: "details" },
      element("header", {}, this.#check, this.#name(), this.#status()),
      this.#facts(),
      draw(this.#known.machine, this.task),
      failure ? this.#reason(failure) : null,
      this.#actions(),
      this.#parts.problem,
    );
  }

  #facts() {
    const { attempt, createdAt, completedAt, result } = this.task;
    return element("p", { className: "facts" },
      short(createdAt),
      ...[
        `Attempt ${attempt}`,
        completedAt && attempt === 1 ? duration(new Date(createdAt), new Date(completedAt)) : null,
        result && `${result.width} × ${result.height}`,
        result && result.contentType.replace("image/", "").toUpperCase(),
        result && size(result.bytes),
      ].filter(Boolean).map((fact) => element("span", {}, fact)),
    );
  }

  #reason({ step, error, message }) {
    const meaning = this.#known.errors.get(error);
    const times = attempts(this.#known.machine, step, error);
    return element("div", { className: "reason" },
      element("p", { className: "error" },
        code(error), ` in ${step}${times > 1 ? `, after ${times} tries` : ""}`,
      ),
      meaning ? paragraph(meaning, "meaning") : null,
      element("p", { className: "message", dir: "auto" }, message),
    );
  }

  #actions() {
    const { taskId, result } = this.task;
    this.#parts.save = result && element("a", {
      className: "button", href: result.url, target: "_blank", rel: "noopener noreferrer",
    }, "Open result");
    return element("div", { className: "actions" },
      this.#buttons("", this.#parts.save),
      element("a", { href: ofTask(taskId), "aria-label": `Details of ${this.title}` }, "Details"),
    );
  }

  /** Returns the actions that the task allows, with `other` before the last one. */
  #buttons(className, other = null) {
    const { retry, cancel } = this.task.links;
    return [
      retry && this.#button("Retry", className || "strong"),
      cancel && this.#button("Cancel", className),
      other,
      this.open ? null : this.#button("Delete", className),
    ];
  }

  #button(name, className) {
    const button = element("button", { type: "button", className }, name);
    button.setAttribute("aria-label", `${name} ${this.title}`);
    button.addEventListener("click", async () => {
      if (name === "Delete" && !await confirmDeletion([this.title])) {
        if (!button.isConnected) this.node.focus();
        return;
      }
      button.disabled = true;
      this.showProblem("");
      await this.#act(this, name.toLowerCase());
      button.disabled = false;
    });
    return button;
  }
}

/** Returns a number that grows as a task proceeds. */
function stage({ attempt, status }) {
  return attempt * 3 + (PROGRESS[status] ?? 2);
}
