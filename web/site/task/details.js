/** An execution in tables: its states with their tries, its events, its data. */

import { code, element, table } from "../dom.js";
import { outcomeName, signImage, summary } from "./graph.js";
import { clock, ZONE } from "../times.js";
import { duration } from "../words.js";

/** A browser shows a longer list slowly. */
const MOST_ROWS = 1000;

/**
 * Returns the states, the events, the input and the output of an execution.
 * @param {?Object} history of `GET /tasks/{taskId}/history`
 */
export function details(history) {
  if (!history?.states.length) return [];
  return [
    element("section", { className: "states" },
      element("h3", {}, "States"), history.states.map(stateDetails)),
    element("section", {},
      element("h3", {}, "Execution"),
      data("execution", history),
      fold("events", `Events (${history.events.length})`, eventTable(history.events)),
      history.complete ? null
        : element("p", { className: "limit" }, "There are more events than are shown here.")),
  ];
}

function stateDetails(state, index) {
  const failed = state.error !== null && state.outcome !== "SUCCEEDED";
  const name = [
    signImage(state.outcome), element("strong", {}, state.name), " ",
    element("span", { className: "outcome" }, outcomeName(state.outcome)), " ",
    element("span", { className: "time" }, state.tries.length ? summary(state) : ""),
  ];
  const shown = fold(`state-${index}`, name,
    state.tries.length ? tryTable(state) : null,
    failed && !state.tries.length
      ? element("p", {}, code(state.error), " ", state.cause ?? "")
      : null,
    data(`state-${index}`, state),
  );
  shown.open = failed && state.tries.length > 0;
  return shown;
}

function tryTable({ name, tries }) {
  const rows = tries.map((one, index) => element("tr", {},
    element("th", { scope: "row" }, String(index + 1)),
    element("td", {}, clock(one.startedAt)),
    element("td", {}, took(one)),
    element("td", { className: "result", dir: "auto" }, result(one)),
  ));
  return scrolled(`Tries of ${name}`, ["Try", `Started (${ZONE})`, "Took", "Result"], rows);
}

function took({ startedAt, endedAt }) {
  return endedAt ? duration(new Date(startedAt), new Date(endedAt)) : "running";
}

function result({ error, cause, endedAt }) {
  if (!endedAt) return "";
  return error ? [code(error), " ", cause ?? ""] : "Succeeded";
}

function eventTable(events) {
  const rows = events.slice(0, MOST_ROWS).map((event) => element("tr", {},
    element("th", { scope: "row" }, String(event.id)),
    element("td", {}, clock(event.at)),
    element("td", {}, event.type),
    element("td", {}, event.state ?? ""),
    element("td", { className: "result", dir: "auto" },
      event.error ? [code(event.error), " ", event.cause ?? ""] : ""),
  ));
  const head = ["Id", `Time (${ZONE})`, "Event", "State", "Error"];
  return scrolled("Events of the execution", head, rows);
}

/** Returns input and output of a state or an execution, folded, as far as they are known. */
function data(id, { input, output, omitted }) {
  return [["input", "Input", input], ["output", "Output", output]].map(([key, name, value]) => {
    if (omitted.includes(key)) {
      return element("p", { className: "limit" }, `${name}: too large to be shown here.`);
    }
    if (value === null) return null;
    const text = element("pre", { tabIndex: 0, role: "group", "aria-label": name },
      code(JSON.stringify(value, null, 2)));
    return fold(`${id}-${key}`, name, text);
  });
}

function fold(id, name, ...content) {
  return element("details", { id }, element("summary", { id: `${id}-name` }, name), ...content);
}

/** Returns a table that scrolls sideways on a narrow screen; it can be reached with the keyboard. */
export function scrolled(caption, head, rows) {
  const reachable = { tabIndex: 0, role: "group", "aria-label": caption };
  return element("div", { className: "scrolled", ...reachable },
    table("listed", caption, head, rows));
}
