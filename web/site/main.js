/** The page: reads the API key, submits images, shows tasks. */

import * as address from "./address.js";
import { clearResponses, key } from "./api.js";
import { byId, element } from "./dom.js";
import { readMachine } from "./machine.js";
import { send } from "./send.js";
import { TaskPage } from "./task.js";
import { Tasks } from "./tasks.js";
import { Toolbar } from "./toolbar.js";
import { readErrors } from "./errors.js";

const [machine, errors] = await Promise.all([readMachine(), readErrors()]).catch((error) => {
  const text = "The page did not load completely. Reload it.";
  document.body.append(element("p", { className: "problem", role: "alert" }, text));
  throw error;
});
const refused = () => close("The API key is not valid.");
const tasks = new Tasks({ machine, errors }, { refused, changed: () => toolbar.update() });
const toolbar = new Toolbar(tasks);
const page = new TaskPage({ machine, errors }, (id) => tasks.fileOf(id), {
  refused, deleted, list: () => address.ofList(toolbar.filter),
});

/** Shows the list after a task was deleted on its own page. */
function deleted(id) {
  addEventListener("hashchange", () => byId("tasks").focus(), { once: true });
  tasks.forget(id);
  location.hash = address.ofList(toolbar.filter);
}

function open() {
  byId("sign-in").hidden = true;
  byId("sign-out").hidden = false;
  show();
}

/** Shows what the address stands for: one task, or the list. */
function show() {
  const { task, attempt, filter } = address.read();
  byId("workspace").hidden = byId("skip").hidden = Boolean(task);
  byId("task").hidden = !task;
  if (task) {
    tasks.pause();
    page.show({ task, attempt });
    return;
  }
  page.stop();
  document.title = "Darkroom";
  toolbar.show(filter);
  tasks.show(filter);
}

// Its target is on this page, but the part after `#` is the address of what is shown.
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("tasks").focus();
});
addEventListener("hashchange", () => {
  if (!byId("sign-out").hidden) show();
});

function close(problem = "") {
  key.remove();
  clearResponses();
  tasks.stop();
  page.stop();
  document.querySelector("dialog")?.close();
  for (const id of ["workspace", "task", "sign-out", "skip"]) byId(id).hidden = true;
  byId("sign-in").hidden = false;
  byId("key-problem").textContent = problem;
  byId("key").focus();
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key.store(byId("key").value.trim());
  byId("key").value = "";
  byId("key-problem").textContent = "";
  open();
  if (!byId("workspace").hidden) byId("tasks").focus({ preventScroll: true });
});
byId("sign-out").addEventListener("click", () => {
  byId("submissions").replaceChildren();
  byId("new-form").reset();
  close();
});

function submit(sources) {
  if (!sources.length || byId("workspace").hidden) return false;
  if (!byId("quality").reportValidity()) return false;
  const { status, find, view } = toolbar.filter;
  if (status || find) location.hash = address.ofList({ view }); // the new tasks must be visible
  const output = { format: byId("format").value, quality: byId("quality").valueAsNumber };
  send(sources, output, { accepted: (task, file) => tasks.add(task, file), refused });
  return true;
}

byId("new-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const lines = byId("urls").value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (submit(lines)) byId("urls").value = "";
  else if (!lines.length) byId("urls").focus();
});

byId("files").addEventListener("change", () => {
  submit([...byId("files").files]);
  byId("files").value = ""; // so that the same file can be chosen again
});

// Files and URLs can be dropped and pasted anywhere on the page.
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) {
    event.preventDefault();
    submit(files);
  } else if (!event.target.closest("input, textarea") && !byId("workspace").hidden) {
    event.preventDefault();
    addUrls(event.clipboardData.getData("text"));
  }
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  if (event.dataTransfer.files.length) submit([...event.dataTransfer.files]);
  else addUrls(event.dataTransfer.getData("text/uri-list"));
});

function addUrls(text) {
  const box = byId("urls");
  box.value = [box.value.trim(), text.trim()].filter(Boolean).join("\n");
  box.focus();
}

if (key.get()) open();
else close();
