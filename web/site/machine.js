/** Draws the state machine from its definition, statemachine/task.asl.json. */

import { element, shape } from "./dom.js";

const COLUMN = 57;
const LEFT = 30;
const MAIN = 36; // the y of the states of a successful execution
const SIDE = 84; // the y of the states after an error
const LINE = 11; // the line height of a name

/**
 * Reads the definition.
 * @returns {Promise<Object>} Amazon States Language
 */
export async function readMachine() {
  return (await fetch(new URL("task.asl.json", import.meta.url))).json();
}

/** Returns the number of attempts of a step whose retries with this error are exhausted. */
export function attempts(machine, step, error) {
  const rules = machine.States[step]?.Retry ?? [];
  return 1 + (rules.find((rule) => rule.ErrorEquals.includes(error))?.MaxAttempts ?? 0);
}

/**
 * Draws the state machine and marks the states of a task, as far as its status implies them.
 * @returns {HTMLElement} a figure
 */
export function draw(machine, task) {
  const places = layOut(machine);
  const marks = marksOf(machine, task);
  const width = LEFT * 2 + COLUMN * Math.max(...[...places.values()].map((place) => place.column));
  const picture = shape("svg", {
    viewBox: `0 0 ${width} ${SIDE + 32}`, role: "img", "aria-label": describe(marks, task),
  });
  const edges = [...transitions(machine)].map(({ from, to, caught }) => {
    const taken = marks.get(from) && marks.get(to) && !(caught && marks.get(from) !== "failed");
    const kind = taken ? marks.get(to) : "";
    return shape("path", {
      d: curve(places.get(from), places.get(to)),
      class: `way ${caught ? "caught" : ""} ${kind}`,
    });
  });
  // The transitions of the task are drawn last, on top of the others.
  picture.append(...edges.sort((a, b) => rank(a) - rank(b)));
  for (const [name, place] of places) picture.append(node(machine.States[name], name, place, marks));
  return element("figure", { className: "machine" }, picture);
}

/** Lays out the states: those of a successful execution in a row, error states below. */
function layOut(machine) {
  const places = new Map(follow(machine, machine.StartAt).map(
    (name, column) => [name, { column, x: LEFT + column * COLUMN, y: MAIN }],
  ));
  const caught = Object.values(machine.States).flatMap((state) => caughtBy(machine, state));
  const count = (name) => caught.filter((next) => next === name).length;
  const chains = [...new Set(caught)]
    .filter((name) => !places.has(name))
    .sort((a, b) => count(b) - count(a));
  let column = 1;
  for (const chain of chains) {
    for (const name of follow(machine, chain)) {
      if (places.has(name)) break;
      places.set(name, { column, x: LEFT + column * COLUMN, y: SIDE });
      column += 1;
    }
    column += 1;
  }
  return places;
}

function follow(machine, start) {
  const names = [];
  for (let name = start; name && !names.includes(name); name = machine.States[name].Next) {
    names.push(name);
  }
  return names;
}

/** Returns the state to which the errors of a state lead. A Choice is drawn as the state it usually leads to. */
function caughtBy(machine, state) {
  return (state.Catch ?? []).map(({ Next }) => machine.States[Next].Default ?? Next);
}

/** Yields each transition once: those of `Next` and those of `Catch`. */
function* transitions(machine) {
  for (const [from, state] of Object.entries(machine.States)) {
    if (state.Next) yield { from, to: state.Next, caught: false };
    const targets = new Set(caughtBy(machine, state));
    targets.delete(state.Next);
    for (const to of targets) yield { from, to, caught: true };
  }
}

/**
 * Returns the marks of states: done, failed, or after-failure. Which state of a RUNNING task runs is
 * not known here: the page of the task shows it.
 */
function marksOf(machine, task) {
  const path = follow(machine, machine.StartAt);
  const marks = new Map();
  if (task.status === "COMPLETED") for (const name of path) marks.set(name, "done");
  const step = task.status === "FAILED" ? task.failure?.step : null;
  if (path.includes(step)) {
    for (const name of path.slice(0, path.indexOf(step))) marks.set(name, "done");
    marks.set(step, "failed");
    const caught = machine.States[step].Catch?.at(-1);
    for (const name of follow(machine, caught?.Next)) marks.set(name, "after-failure");
  }
  return marks;
}

function describe(marks, task) {
  const named = (kind) => [...marks].filter(([, mark]) => mark === kind).map(([name]) => name);
  const parts = [
    ["done", "done"], ["failed", "failed in"], ["after-failure", "then"],
  ].filter(([kind]) => named(kind).length).map(([kind, word]) => `${word} ${named(kind).join(", ")}`);
  return `State machine, task ${task.status}${parts.length ? `: ${parts.join("; ")}` : ""}`;
}

function curve(from, to) {
  if (from.y === to.y && to.column - from.column === 1) return `M${from.x} ${from.y}H${to.x}`;
  if (from.y === to.y) {
    const top = from.y - 20;
    return `M${from.x} ${from.y}C${from.x + 30} ${top} ${to.x - 30} ${top} ${to.x} ${to.y}`;
  }
  const middle = (from.y + to.y) / 2;
  return `M${from.x} ${from.y}C${from.x} ${middle + 6} ${to.x} ${middle - 6} ${to.x} ${to.y}`;
}

function rank(edge) {
  if (edge.classList.contains("after-failure")) return 2;
  return Number(edge.getAttribute("class").trim() !== "way");
}

function node(state, name, { x, y }, marks) {
  const end = state.Type !== "Task";
  const lines = name.split(/(?=[A-Z])/);
  const first = y === MAIN ? y - 14 - LINE * (lines.length - 1) : y + 19;
  const label = shape("text", { "text-anchor": "middle" }, ...lines.map(
    (text, line) => shape("tspan", { x, y: first + line * LINE }, text),
  ));
  return shape("g", { class: `state ${end ? "end" : ""} ${marks.get(name) ?? ""}` },
    shape("title", {}, `${name}: ${state.Comment}`),
    shape("circle", { cx: x, cy: y, r: end ? 6 : 5 }),
    ...(end ? [shape("circle", { cx: x, cy: y, r: 2.5, class: "core" })] : []),
    label,
  );
}
