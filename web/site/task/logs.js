/** The log lines of a task. They are read only when a person opens them. */

import { explain, get } from "../api.js";
import { scrolled } from "./details.js";
import { code, element } from "../dom.js";
import { clock, ZONE } from "../times.js";

const NONE = "There are no log lines. They arrive some seconds late: load them again in a minute. "
  + "If there are still none, they have expired.";

export class Logs {
  node;
  #refused;
  #id = null;
  #attempt = null;
  #content = element("div", { className: "lines" });

  /** @param {function()} refused is called when the API refuses the key */
  constructor(refused) {
    this.#refused = refused;
    const name = element("summary", { id: "logs-name" }, "Log lines");
    this.node = element("details", { id: "logs" }, name, this.#content);
    this.node.addEventListener("toggle", () => {
      if (this.node.open && !this.#content.hasChildNodes()) this.#read();
    });
  }

  /** Shows those of the last attempt of a task; until somebody opens them, nothing is read. */
  show(id, attempt) {
    if (id === this.#id && attempt === this.#attempt) return;
    this.#id = id;
    this.#attempt = attempt;
    this.node.open = false;
    this.#content.replaceChildren();
  }

  async #read() {
    const [id, attempt] = [this.#id, this.#attempt];
    this.#content.replaceChildren(element("p", { role: "status" }, "Loading…"));
    let shown;
    try {
      const { body } = await get(`tasks/${encodeURIComponent(id)}/logs`);
      shown = content(body);
    } catch (error) {
      if (error.status === 403) return this.#refused();
      shown = [element("p", { className: "problem", role: "alert" }, explain(error))];
    }
    if (id !== this.#id || attempt !== this.#attempt) return;
    const again = element("button", { id: "logs-again", type: "button" }, "Load again");
    again.addEventListener("click", async () => {
      await this.#read();
      this.node.querySelector("button")?.focus();
    });
    this.#content.replaceChildren(...shown, again);
  }
}

function content({ lines, complete }) {
  const rows = lines.map((line) => element("tr", {},
    element("td", {}, clock(line.at)),
    element("td", {}, line.function),
    element("td", { className: "result", dir: "auto" },
      line.level === "INFO" ? null : [element("strong", {}, line.level), " "],
      line.message, told(line.details)),
  ));
  const head = [`Time (${ZONE})`, "Function", "Message"];
  return [
    rows.length ? scrolled("Log lines of the last attempt", head, rows) : element("p", {}, NONE),
    complete ? null
      : element("p", { className: "limit" }, "There are more log lines than are shown here."),
  ].filter(Boolean);
}

/** Returns the details of a line as text: " after 0.03 s: SourceNotFound https://…". */
function told({ error, reason, seconds, ...others }) {
  const rest = Object.entries(others).map(([name, value]) => `, ${name} ${value}`);
  return [
    ...rest,
    seconds === undefined ? null : ` after ${seconds} s`,
    error === undefined ? null : [": ", code(error)],
    reason === undefined ? null : `${error === undefined ? ": " : " "}${reason}`,
  ];
}
