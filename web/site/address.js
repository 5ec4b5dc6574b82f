/**
 * The address of what is shown. It is the part after `#`, which is never sent to a server:
 *
 *     #/                            the list of tasks
 *     #/?status=FAILED&find=card    the list with a filter; view=rows shows it in rows
 *     #/tasks/{taskId}              one task, with its last attempt
 *     #/tasks/{taskId}?attempt=1    the same, with an earlier attempt
 *     #/batches                     the list of batches, and the form for a new one
 *     #/batches/{batchId}           one batch; status=FAILED shows its tasks with this status,
 *                                   status=ALL shows all of them
 */

/** The statuses of tasks, in the order in which people read them. */
export const STATUSES = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"];
/** In the address of a batch: its tasks of every status. */
export const ALL = "ALL";

/** Returns the view of an address: the `view`, which is the id of its element, and `task` and
 * `attempt`, `batch` and `status`, or the `filter` of the list of tasks.
 */
export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [kind, id] = path.split("/").map(decoded);
  const values = Object.fromEntries(new URLSearchParams(query));
  const { find = "", view = "" } = values;
  const status = [...STATUSES, ALL].includes(values.status) ? values.status : "";
  if (kind === "tasks" && id) {
    return { view: "task", task: id, attempt: Number(values.attempt) || null };
  }
  if (kind === "batches") return id ? { view: "batch", batch: id, status } : { view: "batches" };
  return { view: "workspace", filter: { status: status === ALL ? "" : status, find, view } };
}

/** Returns the address of a task. */
export function ofTask(id, attempt = null) {
  return `#/tasks/${encodeURIComponent(id)}${attempt ? `?attempt=${attempt}` : ""}`;
}

/** The address of the list of batches. */
export const BATCHES = "#/batches";

/** Returns the address of a batch. */
export function ofBatch(id, status = "") {
  return `${BATCHES}/${encodeURIComponent(id)}${status ? `?status=${status}` : ""}`;
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
