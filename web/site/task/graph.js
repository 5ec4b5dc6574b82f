/**
 * Draws an execution as the Step Functions console does: all states of the definition from top to
 * bottom, coloured by what happened in them.
 */

import { element, shape } from "../dom.js";
import { count, duration } from "../words.js";

const WIDTH = 138; // of a state
const HEIGHT = 42;
const ACROSS = 152; // from one column to the next
const DOWN = 60; // from one row to the next
const EDGE = 10; // around the drawing
const BEND = 8; // the radius of a corner
const DOT = 9; // the radius of the start and of the end
const START = Symbol("Start");
const END = Symbol("End");

/** The outcomes of a state, with their names and their signs, which do not depend on colour. */
const OUTCOMES = {
  SUCCEEDED: ["Succeeded", "M-4 0L-1 3.5L4.5 -3.5"],
  CAUGHT_ERROR: ["Caught error", "M0 -4.5V1M0 4V4.5"],
  FAILED: ["Failed", "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5"],
  RUNNING: ["Running", "M-4 0H-3.5M0 0H.5M4 0H4.5"],
  ABORTED: ["Aborted", "M-4 0H4"],
  NOT_REACHED: ["Not reached", ""],
};

/** Returns the name of an outcome for people. */
export const outcomeName = (outcome) => OUTCOMES[outcome]?.[0] ?? outcome;

/**
 * Draws a state machine and what happened in an execution of it.
 * @param {Object} machine Amazon States Language
 * @param {Object[]} states of `GET /tasks/{taskId}/history`
 * @param {?string} status of the execution
 * @returns {HTMLElement} a figure
 */
export function drawExecution(machine, states, status) {
  const ways = transitions(machine);
  const places = layOut(machine, ways);
  const last = new Map(states.map((state) => [state.name, state]));
  const taken = waysTaken(states, status);
  const columns = Math.max(...[...places.values()].map(({ column }) => column)) + 1;
  const rows = Math.max(...[...places.values()].map(({ row }) => row));
  const width = (columns - 1) * ACROSS + WIDTH + 2 * EDGE;
  const height = rows * DOWN + 2 * (EDGE + DOT);
  const drawn = shape("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe(machine, last, status),
  });
  const lines = ways.map((way) => ({ ...way, kind: taken.get(way.from)?.get(way.to) ?? "" }));
  lines.sort((a, b) => (a.kind ? 1 : 0) - (b.kind ? 1 : 0)); // what happened is drawn on top
  for (const { from, to, caught, kind } of lines) {
    const d = line(places, from, to);
    drawn.append(shape("path", { d, class: `way ${caught ? "caught" : ""} ${kind}` }));
  }
  for (const [name, place] of places) {
    drawn.append(typeof name === "symbol"
      ? shape("circle", { cx: place.x, cy: place.y, r: DOT, class: `dot ${name === END ? "end" : ""}` })
      : box(name, machine.States[name], place, last.get(name)));
  }
  return element("figure", { className: "graph" }, drawn, legend(new Set(
    [...last.values()].map(({ outcome }) => outcome),
  )));
}

/** Returns each transition once, those without an error first. */
function transitions(machine) {
  const ways = [{ from: START, to: machine.StartAt, caught: false }];
  const add = (from, to, caught) => {
    const known = ways.some((way) => way.from === from && way.to === to);
    if (to && !known) ways.push({ from, to, caught });
  };
  for (const [from, state] of Object.entries(machine.States)) {
    add(from, state.Next, false);
    add(from, state.Default, false);
    for (const choice of state.Choices ?? []) add(from, choice.Next, false);
    for (const rule of state.Catch ?? []) add(from, rule.Next, true);
    if (state.End || ["Succeed", "Fail"].includes(state.Type)) add(from, END, false);
  }
  return ways;
}

/**
 * Gives each state a row, which is below those of all states that lead to it, and a column. The
 * path without errors is the first column.
 */
function layOut(machine, ways) {
  const rows = rowsOf(ways);
  rows.set(END, Math.max(...[...rows].filter(([name]) => name !== END).map(([, row]) => row)) + 1);
  const sources = (name) => ways.filter(({ to }) => to === name).length;
  const columns = new Map([[START, 0], [END, 0]]);
  const taken = new Set();
  const free = (name, column) => column > 0 && !taken.has(`${rows.get(name)} ${column}`);
  const put = (name, wanted) => {
    if (columns.has(name)) return;
    let column = wanted;
    while (taken.has(`${rows.get(name)} ${column}`)) column += 1;
    columns.set(name, column);
    taken.add(`${rows.get(name)} ${column}`);
    const state = machine.States[name];
    const straight = state.Next ?? state.Default;
    if (straight) put(straight, column);
    const others = ways.filter(({ from, to }) => from === name && to !== straight);
    for (const other of others.map(({ to }) => to).sort((a, b) => sources(b) - sources(a))) {
      put(other, free(other, column - 1) ? column - 1 : column + 1);
    }
  };
  put(machine.StartAt, 0);
  return new Map([...columns].map(([name, column]) => [name, {
    row: rows.get(name),
    column,
    x: EDGE + WIDTH / 2 + column * ACROSS,
    y: EDGE + DOT + rows.get(name) * DOWN,
  }]));
}

/** Returns the length of the longest way to each state. Ways that lead back are left out. */
function rowsOf(ways) {
  const from = (name) => ways.filter((way) => way.from === name);
  const order = [];
  const seen = new Set();
  const open = new Set();
  const back = new Set();
  const visit = (name) => {
    seen.add(name);
    open.add(name);
    for (const way of from(name)) {
      if (open.has(way.to)) back.add(way);
      else if (!seen.has(way.to)) visit(way.to);
    }
    open.delete(name);
    order.unshift(name);
  };
  visit(START);
  const rows = new Map(order.map((name) => [name, 0]));
  for (const name of order) {
    for (const way of from(name).filter((one) => !back.has(one))) {
      rows.set(way.to, Math.max(rows.get(way.to), rows.get(name) + 1));
    }
  }
  return rows;
}

/** Returns the line from one state to another: straight down, or to the side and then down. */
function line(places, from, to) {
  const [a, b] = [places.get(from), places.get(to)];
  const half = (name, size) => (typeof name === "symbol" ? DOT : size / 2);
  const top = b.y - half(to, HEIGHT);
  const bottom = a.y + half(from, HEIGHT);
  const occupied = (test) => [...places].some(([name, place]) => (
    name !== from && name !== to && test(place)
  ));
  if (a.column === b.column) return `M${a.x} ${bottom}V${top}${tip(b.x, top)}`;
  const side = Math.sign(b.x - a.x);
  const start = a.x + side * half(from, WIDTH);
  const beside = occupied(({ row, column }) => (
    row === a.row && side * (column - a.column) > 0 && side * (b.column - column) >= 0
  ));
  if (!beside) {
    return `M${start} ${a.y}H${b.x - side * BEND}Q${b.x} ${a.y} ${b.x} ${a.y + BEND}V${top}`
      + tip(b.x, top);
  }
  if (b.row === a.row + 1 && to !== END) {
    const middle = (bottom + top) / 2;
    return `M${a.x} ${bottom}C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${top}${tip(b.x, top)}`;
  }
  const end = b.x - side * half(to, WIDTH);
  return `M${a.x} ${bottom}V${b.y - BEND}Q${a.x} ${b.y} ${a.x + side * BEND} ${b.y}H${end}`
    + `M${end - side * 6} ${b.y - 4}L${end} ${b.y}L${end - side * 6} ${b.y + 4}`;
}

const tip = (x, y) => `M${x - 4} ${y - 6}L${x} ${y}L${x + 4} ${y - 6}`;

/** Returns the transitions of an execution: for each state, the next ones and their kinds. */
function waysTaken(states, status) {
  const taken = new Map();
  const add = (from, to, kind) => {
    if (!taken.has(from)) taken.set(from, new Map());
    taken.get(from).set(to, kind);
  };
  let last = null;
  for (const state of states) {
    add(last?.name ?? START, state.name, last?.outcome === "CAUGHT_ERROR" ? "error" : "taken");
    last = state;
  }
  if (last && ["SUCCEEDED", "FAILED"].includes(status)) add(last.name, END, "taken");
  return taken;
}

function box(name, definition, { x, y }, state) {
  const outcome = state?.outcome ?? "NOT_REACHED";
  const left = x - WIDTH / 2;
  const drawn = shape("g", { class: `box ${outcome.toLowerCase()}` },
    shape("title", {}, `${name}: ${outcomeName(outcome)}. ${definition.Comment ?? ""}`),
    shape("rect", { x: left, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT, rx: 6 }),
    shape("text", { x: left + 15, y: state ? y - 2 : y + 4.5, class: "name" }, name),
  );
  drawn.append(sign(outcome, left, y));
  if (state) drawn.append(shape("text", { x: left + 15, y: y + 13 }, summary(state)));
  return drawn;
}

/** Returns how often a state was tried, and how long it took. */
export function summary(state) {
  if (!state.tries.length) return outcomeName(state.outcome); // it does no work
  const took = state.leftAt ? duration(new Date(state.enteredAt), new Date(state.leftAt)) : null;
  const tries = state.tries.length > 1 || state.error
    ? count(state.tries.length, "try", "tries")
    : null;
  return [tries, took ?? outcomeName(state.outcome)].filter(Boolean).join(" · ");
}

/** Returns the sign of an outcome in a circle. */
export function sign(outcome, x = 9, y = 9) {
  return shape("g", { class: `sign ${outcome.toLowerCase()}`, transform: `translate(${x} ${y})` },
    shape("circle", { r: 8 }),
    shape("path", { d: OUTCOMES[outcome]?.[1] ?? "" }),
  );
}

/** Returns the meanings of the signs; those that are rare only if the drawing has them. */
function legend(used) {
  const rare = (outcome) => outcome === "ABORTED" && !used.has(outcome);
  const shown = Object.keys(OUTCOMES).filter((outcome) => !rare(outcome));
  return element("ul", { className: "legend", "aria-hidden": "true" }, shown.map((outcome) => (
    element("li", {}, signImage(outcome), outcomeName(outcome))
  )));
}

/** Returns the sign of an outcome as a separate image. */
export function signImage(outcome) {
  const image = { viewBox: "0 0 18 18", class: "sign-image", "aria-hidden": "true" };
  return shape("svg", image, sign(outcome));
}

function describe(machine, last, status) {
  const told = [...last].map(([name, state]) => {
    const error = state.error && state.outcome !== "SUCCEEDED" ? ` (${state.error})` : "";
    return `${name} ${outcomeName(state.outcome).toLowerCase()}${error}, ${summary(state)}`;
  });
  const rest = Object.keys(machine.States).filter((name) => !last.has(name));
  const execution = `Execution ${(status ?? "unknown").toLowerCase()}`;
  return [execution, ...told, `not reached: ${rest.join(", ")}`].join("; ");
}
