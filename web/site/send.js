/** Submits images: files are uploaded to S3 first, URLs are sent as they are. */

import { ApiError, explain, post } from "./api.js";
import { byId, element } from "./dom.js";

/** Concurrent submissions: more would not be faster on the same connection. */
const AT_ONCE = 3;
/** Characters of a name. */
const MOST_NAME = 200;

/**
 * Submits files and URLs, and shows an error for each one that fails.
 * @param {(File|string)[]} sources
 * @param {Object} output format and quality, as `POST /tasks` takes them
 * @param {{accepted: function(Object, ?File), refused: function(), edit: function(string)}} calls
 *   `accepted`: with each accepted task; `refused`: the API refuses the key; `edit`: the person
 *   wants to change a URL that was refused
 */
export async function send(sources, output, calls) {
  const waiting = sources.map((source) => (
    { source, key: crypto.randomUUID(), line: addLine(source, calls.edit) }
  ));
  await atOnce(waiting, (one) => sendOne(one, output, calls));
}

/** Does something with each item, with a few of them at the same time. */
export async function atOnce(items, act, wanted = () => true) {
  const waiting = items.values();
  const work = async () => {
    for (const item of waiting) {
      if (!wanted()) return;
      await act(item);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Sends one source. What failed stays in the list, and can be sent again. */
async function sendOne(one, output, calls) {
  const { source, key, line } = one;
  line.sending();
  try {
    const file = source instanceof File ? source : null;
    const body = file
      ? { uploadId: await uploadImage(file), name: nameOf(file.name) }
      : { imageUrl: source };
    const task = await post("tasks", { ...body, output }, { "Idempotency-Key": key });
    line.done();
    calls.accepted(task, file);
  } catch (error) {
    line.fail(explain(error), () => sendOne(one, output, calls));
    if (error.status === 403 && error.code === "Forbidden") calls.refused();
  }
}

/**
 * Returns a name for the API. Of a path that is too long this is the end, which is the file's name.
 * The API counts code points: a surrogate pair must not be split.
 */
export const nameOf = (text) => [...text].slice(-MOST_NAME).join("");

/**
 * Uploads an image and returns the id of the upload.
 * @throws {ApiError}
 */
export async function uploadImage(file) {
  if (file.type && !file.type.startsWith("image/")) {
    throw new ApiError(0, "NoImage", "This file is not an image.");
  }
  // Some browsers do not know every format. Darkroom detects the format from the content.
  return upload(file, file.type || "image/octet-stream");
}

/**
 * Uploads a file to S3 and returns the id of the upload.
 * @param {Blob} file
 * @param {string} contentType that of an image, or of a list of them
 * @throws {ApiError}
 */
export async function upload(file, contentType) {
  const form = await post("uploads", { contentType });
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  body.append("file", file);
  let answer;
  try {
    answer = await fetch(form.url, { method: "POST", body });
  } catch {
    throw new ApiError(0, "NoAnswer", "The file could not be uploaded. Try again.");
  }
  if (!answer.ok) throw new ApiError(answer.status, "Refused", refusal(await answer.text()));
  return form.uploadId;
}

/** Returns a message for an XML error of S3. */
function refusal(text) {
  if (text.includes("EntityTooLarge")) return "The file is too large. Choose a smaller one.";
  if (text.includes("EntityTooSmall")) return "The file is empty. Choose another one.";
  return "The upload was refused. Try again.";
}

/** Adds a source to the list of submissions; returns functions that end its line. */
function addLine(source, edit) {
  const state = element("span", { className: "state" }, "Sending");
  const name = source instanceof File ? source.name : source;
  const node = element("li", {}, element("span", { className: "what", dir: "auto" }, name), state);
  byId("submissions").append(node);
  const done = () => node.remove();
  const sending = () => {
    node.className = "";
    state.replaceChildren("Sending");
  };
  const fail = (message, again) => {
    const button = (text, act) => {
      const made = element("button", { type: "button", className: "quiet" }, text);
      made.setAttribute("aria-label", `${text}: ${name}`);
      made.addEventListener("click", act);
      return made;
    };
    node.className = "problem";
    state.replaceChildren(message, " ", button("Send again", again), " ", button("Dismiss", done));
    if (name !== source) return;
    state.append(" ", button("Edit", () => {
      done();
      edit(source);
    }));
  };
  return { sending, done, fail };
}
