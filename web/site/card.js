/** One task: its picture, its place in the state machine, why it failed, what can be done. */

import { explain } from "./api.js";
import { compare, notice } from "./compare.js";
import { element } from "./dom.js";
import { draw, tries } from "./machine.js";
import { prose } from "./words.js";

const TIME = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const BYTES = ["B", "KB", "MB"];
/** How far a task of one attempt has come; every end is the furthest. */
const PROGRESS = { PENDING: 0, RUNNING: 1 };

/** A task as it is shown. What is shown is made anew only when the task has moved. */
export class Card {
  #task = null;
  #known;
  #act;
  #parts = {};

  /**
   * @param {Object} task as the API tells it
   * @param {?string} file address of the file that this tab sent, null if it did not
   * @param {{machine: Object, errors: Map<string, string>}} known what the page has read
   * @param {function(Object, string)} act does `retry` or `cancel` with a task
   */
  constructor(task, file, known, act) {
    this.#known = known;
    this.#act = act;
    this.file = file;
    this.title = title(task);
    this.createdAt = task.createdAt;
    this.born = Date.now();
    this.node = element("article", { tabIndex: -1, "aria-label": this.title });
    this.update(task);
  }

  get task() {
    return this.#task;
  }

  get open() {
    return this.#task.status in PROGRESS;
  }

  /**
   * Shows a task as it is now. An answer that is older than what is shown changes nothing.
   * @returns {boolean} whether it has moved
   */
  update(task) {
    const last = this.#task;
    if (last && stage(task) < stage(last)) return false;
    this.#task = task;
    if (last && stage(task) === stage(last)) {
      if (task.result && this.#parts.save) this.#parts.save.href = task.result.url; // links end
      return false;
    }
    const focused = this.node.contains(document.activeElement);
    this.node.className = `card ${String(task.status).toLowerCase()}`;
    this.#parts = { problem: element("p", { className: "problem", role: "alert" }) };
    this.node.replaceChildren(...this.#content());
    if (focused && !this.node.contains(document.activeElement)) this.node.focus();
    return true;
  }

  /** Says what went wrong with a button of this card. */
  complain(message) {
    this.#parts.problem.textContent = message;
  }

  /** Makes what the card shows. One task that is odd must not take the others with it. */
  #content() {
    try {
      return [this.#picture(), this.#words()];
    } catch (error) {
      this.complain(`This task cannot be shown. ${explain(error)}`);
      const name = element("h3", { dir: "auto" }, this.title);
      const id = element("p", { className: "facts" }, `Task ${this.#task.taskId}`);
      const told = element("div", { className: "told" }, name, id, this.#parts.problem);
      return [frame(notice("Not shown")), told];
    }
  }

  #picture() {
    const { status, result } = this.#task;
    const source = before(this.#task, this.file);
    if (result) return frame(compare({ name: this.title, result, ...source }));
    if (status === "FAILED") return frame(notice("No print"));
    if (status === "CANCELLED") return frame(notice("Cancelled"));
    if (status === "COMPLETED") return frame(notice("The result is gone"));
    // A URL may lead nowhere yet; a file is here.
    if (!this.file) return frame(notice(status === "RUNNING" ? "Developing" : "Waiting"));
    const image = element("img", { src: this.file, alt: `${this.title}, as it came` });
    image.addEventListener("error", () => image.replaceWith(notice("Developing")));
    return frame(element("div", { className: "safelight" }, image));
  }

  #words() {
    const { status, failure } = this.#task;
    return element("div", { className: "told" },
      element("header", {},
        element("h3", { dir: "auto", title: place(this.#task) ?? this.title }, this.title),
        element("p", { className: "status" }, `${status[0]}${status.slice(1).toLowerCase()}`),
      ),
      this.#facts(),
      draw(this.#known.machine, this.#task),
      failure ? this.#reason(failure) : null,
      this.#actions(),
      this.#parts.problem,
    );
  }

  #facts() {
    const { attempt, createdAt, completedAt, result } = this.#task;
    const made = new Date(createdAt);
    return element("p", { className: "facts" },
      element("time", { dateTime: createdAt, title: made.toLocaleString() }, TIME.format(made)),
      ...[
        `Attempt ${attempt}`,
        completedAt && attempt === 1 ? took(made, new Date(completedAt)) : null,
        result && `${result.width} × ${result.height}`,
        result && result.contentType.replace("image/", "").toUpperCase(),
        result && size(result.bytes),
      ].filter(Boolean).map((fact) => element("span", {}, fact)),
    );
  }

  #reason({ step, error, message }) {
    const meaning = this.#known.errors.get(error);
    const times = tries(this.#known.machine, step, error);
    return element("div", { className: "reason" },
      element("p", { className: "error" },
        element("code", {}, error), ` in ${step}${times > 1 ? `, tried ${times} times` : ""}`,
      ),
      meaning ? element("p", { className: "meaning" }, ...prose(meaning)) : null,
      element("p", { className: "message", dir: "auto" }, message),
    );
  }

  #actions() {
    const { links, result, execution } = this.#task;
    this.#parts.save = result && element("a", {
      className: "button", href: result.url, target: "_blank", rel: "noopener noreferrer",
    }, "Open result");
    return element("div", { className: "actions" },
      this.#button("Retry", links.retry, "strong"),
      this.#button("Cancel", links.cancel, ""),
      this.#parts.save,
      execution && execution.consoleUrl && element("a", {
        href: execution.consoleUrl, target: "_blank", rel: "noopener noreferrer",
      }, "Execution"),
    );
  }

  #button(name, link, className) {
    if (!link) return null;
    const button = element("button", { type: "button", className }, name);
    button.setAttribute("aria-label", `${name} ${this.title}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.complain("");
      await this.#act(this, link);
      button.disabled = false;
    });
    return button;
  }
}

function frame(content) {
  return element("div", { className: "frame" }, content);
}

/** Orders the states of a task in time. */
function stage({ attempt, status }) {
  return attempt * 3 + (PROGRESS[status] ?? 2);
}

/** Returns where the source can be seen, and what to say if it cannot. */
function before({ source }, file) {
  if (file) return { before: file, missing: "Your browser cannot show the format of the source." };
  if (source?.uploadId) {
    return { before: null, missing: "No before: this tab did not send the file." };
  }
  if (source?.imageUrl?.startsWith("data:")) {
    return { before: null, missing: "No before: the source came within the request." };
  }
  if (source?.imageUrl) {
    return { before: source.imageUrl, missing: "No before: its server does not show it here." };
  }
  return { before: null, missing: "No before: the source is in the bucket." };
}

/** Returns where a source is, in the words of whoever named it: a URL, a key, a line. */
function place({ source }) {
  return source?.imageUrl ?? source?.object ?? source?.line;
}

function title({ name, source, taskId }) {
  if (name) return name;
  if (source?.object) return source.object.split("/").at(-1);
  if (source?.line !== undefined) {
    return source.lineNumber ? `Line ${source.lineNumber}` : "A line of a manifest";
  }
  if (!source?.imageUrl || source.imageUrl.startsWith("data:")) return `Task ${taskId.slice(0, 8)}`;
  let last;
  try {
    const url = new URL(source.imageUrl);
    last = url.pathname.split("/").filter(Boolean).at(-1) ?? url.host;
    return decodeURIComponent(last);
  } catch {
    return last ?? source.imageUrl; // it was not encoded; or this browser takes it for no URL
  }
}

function took(start, end) {
  const seconds = (end - start) / 1000;
  if (seconds < 1) return `${end - start} ms`;
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

function size(bytes) {
  let unit = 0;
  let left = bytes;
  for (; left >= 1000 && unit < BYTES.length - 1; unit += 1) left /= 1000;
  return `${left < 10 && unit ? left.toFixed(1) : Math.round(left)} ${BYTES[unit]}`;
}
