/** The page: asks for the key, takes images, shows tasks. */

import { forgetAnswers, key } from "./api.js";
import { byId, element } from "./dom.js";
import { readMachine } from "./machine.js";
import { send } from "./send.js";
import { Tasks } from "./tasks.js";
import { readErrors } from "./words.js";

const [machine, errors] = await Promise.all([readMachine(), readErrors()]).catch((error) => {
  const text = "This page did not load whole. Load it again.";
  document.body.append(element("p", { className: "problem", role: "alert" }, text));
  throw error;
});
const tasks = new Tasks({ machine, errors }, () => close("The service does not know this key."));

function open() {
  byId("door").hidden = true;
  byId("room").hidden = byId("forget").hidden = byId("skip").hidden = false;
  tasks.start();
}

function close(problem = "") {
  key.forget();
  forgetAnswers();
  tasks.stop();
  byId("sending").replaceChildren();
  byId("room").hidden = byId("forget").hidden = byId("skip").hidden = true;
  byId("door").hidden = false;
  byId("key-problem").textContent = problem;
  byId("key").focus();
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key.keep(byId("key").value.trim());
  byId("key").value = "";
  byId("key-problem").textContent = "";
  open();
});
byId("forget").addEventListener("click", () => close());

function develop(sources) {
  if (!sources.length || byId("room").hidden || !byId("quality").reportValidity()) return false;
  if (byId("status").value || byId("name").value) {
    byId("filter").reset(); // what is sent must be seen
    tasks.show({});
  }
  const output = { format: byId("format").value, quality: byId("quality").valueAsNumber };
  send(sources, output, (task, file) => tasks.take(task, file));
  return true;
}

byId("new-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const lines = byId("urls").value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (develop(lines)) byId("urls").value = "";
  else if (!lines.length) byId("urls").focus();
});

byId("files").addEventListener("change", () => {
  develop([...byId("files").files]);
  byId("files").value = ""; // the same file may be chosen again
});

// The whole page takes what is dropped or pasted: nobody has to aim.
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) {
    event.preventDefault();
    develop(files);
  } else if (!event.target.closest("input, textarea") && !byId("room").hidden) {
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
  if (event.dataTransfer.files.length) develop([...event.dataTransfer.files]);
  else addUrls(event.dataTransfer.getData("text/uri-list"));
});

function addUrls(text) {
  const box = byId("urls");
  box.value = [box.value.trim(), text.trim()].filter(Boolean).join("\n");
  box.focus();
}

byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("filter").addEventListener("change", () => {
  const filter = { status: byId("status").value, name: byId("name").value.trim() };
  tasks.show(Object.fromEntries(Object.entries(filter).filter(([, value]) => value)));
});

if (key.get()) open();
else close();
