/**
 * The address of what is shown. It is the part after `#`, which is never sent to a server:
 *
 *     #/                            the list of tasks
 *     #/?status=FAILED&find=card    the list with a filter; view=rows shows it in rows
 *     #/tasks/{taskId}              one task, with its last attempt
 *     #/tasks/{taskId}?attempt=1    the same, with an earlier attempt
 */

const STATUSES = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"];

/** Returns what an address stands for: `{ task, attempt }`, or `{ filter }` of the list. */
export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [kind, id] = path.split("/").map(decoded);
  const values = Object.fromEntries(new URLSearchParams(query));
  if (kind === "tasks" && id) return { task: id, attempt: Number(values.attempt) || null };
  const { status = "", find = "", view = "" } = values;
  return { filter: { status: STATUSES.includes(status) ? status : "", find, view } };
}

/** Returns the address of a task. */
export function ofTask(id, attempt = null) {
  return `#/tasks/${encodeURIComponent(id)}${attempt ? `?attempt=${attempt}` : ""}`;
}

/** Returns the address of the list. */
export function ofList(filter) {
  const set = Object.entries(filter).filter(([, value]) => value);
  return set.length ? `#/?${new URLSearchParams(set)}` : "#/";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
