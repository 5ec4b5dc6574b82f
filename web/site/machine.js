/** The state machine, drawn from its own definition: the packaged statemachine/task.asl.json. */

import { element, shape } from "./dom.js";

const COLUMN = 57;
const LEFT = 30;
const MAIN = 36; // the height of the way to success
const SIDE = 84; // and of what it leaves to
const LINE = 11; // from line to line of a name

/**
 * Reads the definition.
 * @returns {Promise<Object>} Amazon States Language
 */
export async function readMachine() {
  return (await fetch(new URL("task.asl.json", import.meta.url))).json();
}

/** Returns how often a step that gave up with this error was begun in one execution. */
export function tries(machine, step, error) {
  const rules = machine.States[step]?.Retry ?? [];
  return 1 + (rules.find((rule) => rule.ErrorEquals.includes(error))?.MaxAttempts ?? 0);
}

/**
 * Draws the machine with a task's place in it, as far as its status tells.
 * @returns {HTMLElement} a figure
 */
export function draw(machine, task) {
  const places = layOut(machine);
  const marks = markUp(machine, task);
  const width = LEFT * 2 + COLUMN * Math.max(...[...places.values()].map((place) => place.column));
  const picture = shape("svg", {
    viewBox: `0 0 ${width} ${SIDE + 32}`, role: "img", "aria-label": describe(marks, task),
  });
  const edges = [...ways(machine)].map(({ from, to, caught }) => {
    const walked = marks.get(from) && marks.get(to) && !(caught && marks.get(from) !== "failed");
    const kind = walked ? marks.get(to) : "";
    return shape("path", {
      d: curve(places.get(from), places.get(to)),
      class: `way ${caught ? "caught" : ""} ${kind}`,
    });
  });
  // What was walked is drawn last, over what was not.
  picture.append(...edges.sort((a, b) => rank(a) - rank(b)));
  for (const [name, place] of places) picture.append(node(machine.States[name], name, place, marks));
  return element("figure", { className: "machine" }, picture);
}

/** Places each state: the way to success in a row, under it what errors lead to. */
function layOut(machine) {
  const places = new Map(follow(machine, machine.StartAt).map(
    (name, column) => [name, { column, x: LEFT + column * COLUMN, y: MAIN }],
  ));
  const caught = Object.values(machine.States).flatMap((state) => state.Catch ?? []);
  const count = (name) => caught.filter((rule) => rule.Next === name).length;
  const chains = [...new Set(caught.map((rule) => rule.Next))]
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

/** Gives each transition once: `Next`, and what a `Catch` leads to. */
function* ways(machine) {
  for (const [from, state] of Object.entries(machine.States)) {
    if (state.Next) yield { from, to: state.Next, caught: false };
    const targets = new Set((state.Catch ?? []).map((rule) => rule.Next));
    targets.delete(state.Next);
    for (const to of targets) yield { from, to, caught: true };
  }
}

/** Says which states a task has been in: done, open (somewhere among these), failed, or fell. */
function markUp(machine, task) {
  const path = follow(machine, machine.StartAt);
  const marks = new Map();
  if (task.status === "COMPLETED") for (const name of path) marks.set(name, "done");
  if (task.status === "RUNNING") {
    for (const name of path) if (machine.States[name].Next) marks.set(name, "open");
    marks.set(path[0], "done"); // it is what makes a task RUNNING
  }
  const step = task.status === "FAILED" ? task.failure?.step : null;
  if (path.includes(step)) {
    for (const name of path.slice(0, path.indexOf(step))) marks.set(name, "done");
    marks.set(step, "failed");
    const caught = machine.States[step].Catch?.at(-1);
    for (const name of follow(machine, caught?.Next)) marks.set(name, "fell");
  }
  return marks;
}

function describe(marks, task) {
  const named = (kind) => [...marks].filter(([, mark]) => mark === kind).map(([name]) => name);
  const told = [
    ["done", "done"], ["open", "in one of"], ["failed", "failed in"], ["fell", "then"],
  ].filter(([kind]) => named(kind).length).map(([kind, word]) => `${word} ${named(kind).join(", ")}`);
  return `State machine, task ${task.status}${told.length ? `: ${told.join("; ")}` : ""}`;
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
  return edge.classList.contains("fell") ? 2 : Number(edge.getAttribute("class").trim() !== "way");
}

function node(state, name, { x, y }, marks) {
  const end = state.Type !== "Task";
  const words = name.split(/(?=[A-Z])/);
  const first = y === MAIN ? y - 14 - LINE * (words.length - 1) : y + 19;
  const label = shape("text", { "text-anchor": "middle" }, ...words.map(
    (word, line) => shape("tspan", { x, y: first + line * LINE }, word),
  ));
  return shape("g", { class: `state ${end ? "end" : ""} ${marks.get(name) ?? ""}` },
    shape("title", {}, `${name}: ${state.Comment}`),
    shape("circle", { cx: x, cy: y, r: end ? 6 : 5 }),
    ...(end ? [shape("circle", { cx: x, cy: y, r: 2.5, class: "core" })] : []),
    label,
  );
}
