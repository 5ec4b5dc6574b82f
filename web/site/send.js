/** Sends images: files by a form to S3, URLs as they are. Each becomes a task. */

import { ApiError, explain, post } from "./api.js";
import { byId, element } from "./dom.js";

/** Files that are sent at a time: more would only share the line. */
const AT_ONCE = 3;

/**
 * Sends files and URLs; says of each what hinders it.
 * @param {(File|string)[]} sources
 * @param {Object} output format and quality, as `POST /tasks` takes them
 * @param {function(Object, ?File)} taken is called with each task that was taken
 */
export async function send(sources, output, taken) {
  const waiting = sources.map((source) => ({ source, line: new Line(source) }));
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await sendOne(next, output, taken);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function sendOne({ source, line }, output, taken) {
  try {
    const file = source instanceof File ? source : null;
    const body = file ? await upload(file) : { imageUrl: source };
    const task = await post("tasks", { ...body, output }, { "Idempotency-Key": crypto.randomUUID() });
    line.done();
    taken(task, file);
  } catch (error) {
    line.fail(explain(error));
  }
}

async function upload(file) {
  if (file.type && !file.type.startsWith("image/")) {
    throw new ApiError(0, "NoImage", "This file is no image.");
  }
  // Not every browser knows every format; the bytes are what counts.
  const form = await post("uploads", { contentType: file.type || "image/octet-stream" });
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  body.append("file", file);
  let answer;
  try {
    answer = await fetch(form.url, { method: "POST", body });
  } catch {
    throw new ApiError(0, "NoAnswer", "The file could not be sent. Try again.");
  }
  if (!answer.ok) throw new ApiError(answer.status, "Refused", refusal(await answer.text()));
  // The API counts characters, of which some are two units of a string here: none is cut in half.
  return { uploadId: form.uploadId, name: [...file.name].slice(0, 200).join("") };
}

/** Returns what S3's refusal, in XML, means. */
function refusal(text) {
  if (text.includes("EntityTooLarge")) return "The file is too large.";
  if (text.includes("EntityTooSmall")) return "The file is empty.";
  return "The file was not taken. Try again.";
}

/** What becomes of one source, said where it was given. */
class Line {
  constructor(source) {
    this.state = element("span", { className: "state" }, "Sending");
    this.node = element("li", {},
      element("span", { className: "what", dir: "auto" }, source instanceof File ? source.name : source),
      this.state,
    );
    byId("sending").append(this.node);
  }

  done() {
    this.node.remove();
  }

  fail(message) {
    const close = element("button", { type: "button", className: "quiet" }, "Dismiss");
    close.addEventListener("click", () => this.done());
    this.node.className = "problem";
    this.state.replaceChildren(message, " ", close);
  }
}
