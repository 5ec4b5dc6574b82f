/** Submits a batch: a list of URLs, or files, which are uploaded first. */

import { ofBatch } from "../address.js";
import { ApiError, explain, post } from "../api.js";
import { failures } from "./batch-parts.js";
import { announce, byId, element } from "../dom.js";
import { isImage, readChosen, readDropped } from "./folders.js";
import { isList, manifestOf, readList, TYPES } from "./lists.js";
import { atOnce, nameOf, upload, uploadImage } from "../send.js";
import { count } from "../words.js";

/** The form for a new batch. */
export class NewBatch {
  #refused;

  /** @param {function()} refused is called if the API refuses the key */
  constructor(refused) {
    this.#refused = refused;
    byId("batch-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (byId("list").value.trim()) this.#submitText();
      else byId("list").focus();
    });
    for (const id of ["batch-files", "batch-folder"]) {
      byId(id).addEventListener("change", () => {
        this.add(readChosen([...byId(id).files]));
        byId(id).value = ""; // so that the same files can be chosen again
      });
    }
  }

  /** Submits what was dropped on the page: files, folders, lists. */
  async drop(dropped) {
    try {
      this.add(await readDropped(dropped));
    } catch {
      this.#say("The folder could not be read. Choose it instead.");
    }
  }

  /** Adds text to the list. */
  addText(text) {
    byId("list").value = [byId("list").value.trim(), text.trim()].filter(Boolean).join("\n");
    byId("list").focus();
  }

  /** Submits files, as `readDropped` returns them: lists, or images as one batch. */
  add({ folder, files }) {
    if (!files.length || !byId("quality").reportValidity()) return;
    this.#say("");
    if (!folder && files.every(({ file }) => isList(file))) {
      for (const { file } of files) this.#start(file.name, [], () => readList(file), file.name);
      return;
    }
    const images = folder ? files.filter(isImage) : files;
    const others = files.length - images.length;
    if (others) this.#say(`${count(others, "file")} left out: not an image, or hidden.`, "");
    if (!images.length) return;
    this.#start(folder ?? count(images.length, "file"), images, (uploaded) => {
      const content = uploaded.map((item) => `${JSON.stringify(item)}\n`).join("");
      return { format: "jsonl", content, options: {} };
    }, folder);
  }

  #submitText() {
    try {
      const text = byId("list").value;
      const list = manifestOf(text);
      if (!byId("quality").reportValidity()) return;
      this.#say("");
      this.#start("List", [], () => list, null, () => this.addText(text));
      byId("list").value = "";
    } catch (error) {
      this.#say(explain(error));
    }
  }

  #start(title, files, manifest, name = null, edit = null) {
    const given = byId("batch-name").value.trim() || name;
    const output = { format: byId("format").value, quality: byId("quality").valueAsNumber };
    const body = { ...(given && { name: nameOf(given) }), output };
    byId("batch-name").value = "";
    const submission = new Submission(given ?? title, { files, manifest, body, edit }, this.#refused);
    byId("batch-submissions").append(submission.node);
    submission.run();
  }

  #say(text, className = "problem") {
    byId("batch-problem").className = className;
    byId("batch-problem").textContent = text;
  }
}

/** One batch that is being submitted. What failed stays in its list, and can be sent again. */
class Submission {
  node = element("li");
  #title;
  #files;
  #manifest;
  #body;
  #edit;
  #refused;
  #key = crypto.randomUUID();
  #stopped = false;

  /**
   * @param {string} title
   * @param {Object} batch
   * @param {{file: File, path: string}[]} batch.files to upload
   * @param {function(Object[]): Promise<Object>} batch.manifest returns the manifest of uploaded
   *   files, in the form of `manifestOf`
   * @param {Object} batch.body the other fields of `POST /batches`
   * @param {?function()} batch.edit lets the person change what was refused
   * @param {function()} refused is called if the API refuses the key
   */
  constructor(title, { files, manifest, body, edit }, refused) {
    this.#title = title;
    this.#files = files.map((one) => ({ ...one, uploadId: null, problem: null }));
    this.#manifest = manifest;
    this.#body = body;
    this.#edit = edit;
    this.#refused = refused;
  }

  get #failed() {
    return this.#files.filter(({ problem }) => problem);
  }

  get #uploaded() {
    return this.#files.filter(({ uploadId }) => uploadId);
  }

  /** Uploads the remaining files, and submits the batch.
   * @param {boolean} [anyway] submit it although files failed; otherwise the person decides
   */
  async run(anyway = false) {
    this.#stopped = false;
    try {
      if (!this.#body.manifest && !anyway) {
        await this.#upload();
        if (!this.node.isConnected) return; // the person has signed out
        if (this.#stopped) return this.#pause("Stopped.");
        if (this.#failed.length) return this.#pause("");
      }
      this.#show("Submitting", []);
      this.#done(await this.#submit());
    } catch (error) {
      if (!this.node.isConnected) return;
      this.#pause(explain(error));
      if (isRefused(error)) this.#refused();
    }
  }

  async #upload() {
    const waiting = this.#files.filter(({ uploadId }) => !uploadId);
    for (const one of waiting) one.problem = null;
    const stop = this.#button("Stop", () => {
      this.#stopped = true;
      stop.disabled = true;
    });
    // A screen reader does not read each number.
    const text = element("span", { className: "state", ariaLive: "off" });
    const bar = element("progress", { max: this.#files.length });
    bar.setAttribute("aria-label", `Upload of ${this.#title}`);
    if (waiting.length) this.#put(text, stop, bar);
    const tell = (uploaded) => {
      bar.value = uploaded;
      text.textContent = `${uploaded.toLocaleString()} of ${count(bar.max, "file")} uploaded`;
    };
    tell(this.#uploaded.length);
    let refused = null;
    await atOnce(waiting, async (one) => {
      try {
        one.uploadId = await uploadImage(one.file);
        tell(bar.value + 1);
      } catch (error) {
        if (isRefused(error)) refused = error; // so will be all others
        else one.problem = explain(error);
      }
    }, () => !this.#stopped && !refused && this.node.isConnected);
    if (refused) throw refused;
  }

  async #submit() {
    // A second try sends the same request, so that the API accepts it once.
    this.#body.manifest ??= await this.#uploadManifest();
    return post("batches", this.#body, { "Idempotency-Key": this.#key });
  }

  async #uploadManifest() {
    const uploaded = this.#uploaded.map(({ uploadId, path }) => ({ uploadId, name: nameOf(path) }));
    const { format, content, options } = await this.#manifest(uploaded);
    const file = new Blob([content]);
    if (!file.size) throw new ApiError(0, "NoList", "This list is empty.");
    Object.assign(this.#body, options);
    return { uploadId: await upload(file, TYPES[format]), format };
  }

  /** Shows what failed, and offers what can be done. */
  #pause(problem) {
    const failed = this.#body.manifest ? [] : this.#failed;
    const ready = this.#uploaded.length;
    const again = failed.length ? `Send ${count(failed.length, "file")} again`
      : this.#stopped ? "Continue" : "Send again";
    const text = problem || `${count(failed.length, "file")} could not be uploaded.`;
    this.#show(text, [
      this.#button(again, () => this.run()),
      ready && ready < this.#files.length && !this.#body.manifest
        ? this.#button(`Submit the other ${ready.toLocaleString()}`, () => this.run(true))
        : null,
      this.#edit ? this.#button("Edit", () => {
        this.node.remove();
        this.#edit();
      }) : null,
      this.#button("Discard", () => this.node.remove()),
    ].filter(Boolean), "problem");
    if (failed.length) this.node.append(failures(failed));
  }

  #done(batch) {
    const address = ofBatch(batch.batchId);
    announce(`${this.#title}: submitted`);
    if (!byId("batches").hidden) {
      this.node.remove();
      location.hash = address;
      return;
    }
    this.#show("Submitted", [
      element("a", { href: address }, "Show the batch"),
      this.#button("Dismiss", () => this.node.remove()),
    ]);
  }

  #show(text, buttons, className = "") {
    this.#put(element("span", { className: "state" }, text), ...buttons);
    this.node.className = className;
  }

  #put(...children) {
    this.node.className = "";
    this.node.replaceChildren(
      element("span", { className: "what", dir: "auto" }, this.#title),
      ...children.flatMap((child) => [" ", child]),
    );
  }

  #button(text, act) {
    const made = element("button", { type: "button", className: "quiet" }, text);
    made.setAttribute("aria-label", `${text}: ${this.#title}`);
    made.addEventListener("click", act);
    return made;
  }
}

function isRefused(error) {
  return error.status === 403 && error.code === "Forbidden";
}
