/** The words for what a task is: its title, the place of its source, durations, sizes. */

const BYTES = ["B", "KB", "MB"];

/** Returns the status of a task as people read it. */
export const statusName = (status) => `${status[0]}${status.slice(1).toLowerCase()}`;

/** Returns "1 try", "2 tries". */
export const count = (number, one, several = `${one}s`) => (
  `${number.toLocaleString()} ${number === 1 ? one : several}`
);

/** Returns the location of a source: a URL, an object key, or a manifest line. */
export function locationOf({ source }) {
  return source?.imageUrl ?? source?.object ?? source?.line;
}

/** Returns the title of a task: its name, or what its source is called. */
export function title({ name, source, taskId }) {
  if (name) return name;
  if (source?.object) return source.object.split("/").at(-1);
  if (source?.line !== undefined) {
    return source.lineNumber ? `Line ${source.lineNumber}` : "A line of a manifest";
  }
  if (!source?.imageUrl || source.imageUrl.startsWith("data:")) return `Task ${taskId.slice(0, 8)}`;
  let last;
  try {
    const url = new URL(source.imageUrl);
    last = url.pathname.split("/").filter(Boolean).at(-1) ?? url.host;
    return decodeURIComponent(last);
  } catch {
    return last ?? source.imageUrl; // not percent-encoded, or not a URL for this browser
  }
}

/** Returns the title of a batch. */
export const batchTitle = ({ name, batchId }) => name || `Batch ${batchId.slice(0, 8)}`;

/** Returns the time between two moments: "13 ms", "6.4 s", "3 min". */
export function duration(start, end) {
  const seconds = (end - start) / 1000;
  if (seconds < 1) return `${end - start} ms`;
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

/** Returns a number of bytes with its unit. */
export function size(bytes) {
  let unit = 0;
  let left = bytes;
  for (; left >= 1000 && unit < BYTES.length - 1; unit += 1) left /= 1000;
  return `${left < 10 && unit ? left.toFixed(1) : Math.round(left)} ${BYTES[unit]}`;
}
