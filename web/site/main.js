/** The page: reads the API key, submits images, shows tasks. */

import * as address from "./address.js";
import { clearResponses, key } from "./api.js";
import { BatchPage } from "./batches/batch.js";
import { Batches } from "./batches/batches.js";
import { byId, element } from "./dom.js";
import { hasFolder, readChosen } from "./batches/folders.js";
import { readMachine } from "./machine.js";
import { NewBatch } from "./batches/new-batch.js";
import { send } from "./send.js";
import { TaskPage } from "./task/task.js";
import { Tasks } from "./list/tasks.js";
import { Toolbar } from "./list/toolbar.js";
import { readErrors } from "./errors.js";

const [machine, errors] = await Promise.all([readMachine(), readErrors()]).catch((error) => {
  const text = "The page did not load completely. Reload it.";
  document.body.append(element("p", { className: "problem", role: "alert" }, text));
  throw error;
});
const refused = () => close("The API key is not valid.");
const tasks = new Tasks({ machine, errors }, { refused, changed: () => toolbar.update() });
const toolbar = new Toolbar(tasks);
const batches = new Batches(refused);
const batch = new BatchPage(refused);
const newBatch = new NewBatch(refused);
const views = [...document.querySelectorAll("main:not(#sign-in)")];
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

/** The id of the card or the row in a list that leads to the page that was shown last. */
let left = "";

/** Shows the view of the address: a task or a batch, or the list of either. */
function show() {
  const shown = address.read();
  const { view } = shown;
  const from = byId(left);
  left = `${view}-${shown[view]}`;
  for (const one of views) one.hidden = one.id !== view;
  for (const link of document.querySelectorAll(".view")) {
    link.hidden = false;
    const leadsHere = link.hash === (view.startsWith("batch") ? address.BATCHES : "#/");
    link.ariaCurrent = leadsHere ? "page" : null;
  }
  const form = byId(view === "batches" ? "batch-form" : "new-form");
  const options = byId("options"); // both forms have the same
  if (!form.contains(options)) form.querySelector("[type=submit]").before(options);
  byId("skip").hidden = !["workspace", "batches"].includes(view);
  byId("skip").textContent = `Skip to the ${view === "batches" ? view : "tasks"}`;
  if (view !== "workspace") tasks.pause();
  if (view !== "task") page.stop();
  if (view !== "batches") batches.pause();
  if (view !== "batch") batch.stop();
  if (view === "task") return page.show(shown);
  if (view === "batch") return batch.show(shown);
  if (view === "batches") {
    document.title = "Batches – Darkroom";
    byId("batches-title").focus({ preventScroll: true });
    batches.show();
  } else {
    document.title = "Darkroom";
    toolbar.show(shown.filter);
    tasks.show(shown.filter);
  }
  from?.focus(); // a person goes on where they left the list
}

// Its target is on this page, but the part after `#` is the address of what is shown.
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("main:not([hidden]) .task-list").focus();
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
  batches.stop();
  batch.stop();
  const links = document.querySelectorAll(".view");
  for (const one of [...views, ...links, byId("sign-out"), byId("skip")]) one.hidden = true;
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
  for (const list of document.querySelectorAll(".submissions")) list.replaceChildren();
  for (const form of document.querySelectorAll(".new-tasks form")) form.reset();
  close();
});

function submit(sources) {
  if (!sources.length || byId("workspace").hidden) return false;
  if (!byId("quality").reportValidity()) return false;
  const { status, find, view } = toolbar.filter;
  if (status || find) location.hash = address.ofList({ view }); // the new tasks must be visible
  const output = { format: byId("format").value, quality: byId("quality").valueAsNumber };
  const accepted = (task, file) => tasks.add(task, file);
  send(sources, output, { accepted, refused, edit: addUrls });
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
    if (byId("batches").hidden) submit(files);
    else newBatch.add(readChosen(files));
  } else if (!event.target.closest("input, textarea")) {
    addText(event.clipboardData.getData("text"), event);
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
  const { dataTransfer } = event;
  if (!dataTransfer.files.length) return addText(dataTransfer.getData("text/uri-list"), event);
  if (!byId("workspace").hidden) {
    if (!hasFolder(dataTransfer)) return submit([...dataTransfer.files]);
    location.hash = address.BATCHES; // a folder is a batch
  } else if (byId("batches").hidden) {
    return;
  }
  newBatch.drop(dataTransfer);
});

/** Adds text that was dropped or pasted to the field of the shown form. */
function addText(text, event) {
  if (!byId("workspace").hidden) addUrls(text);
  else if (!byId("batches").hidden) newBatch.addText(text);
  else return;
  event.preventDefault();
}

function addUrls(text) {
  const box = byId("urls");
  box.value = [box.value.trim(), text.trim()].filter(Boolean).join("\n");
  box.focus();
}

if (key.get()) open();
else close();
