/** The images of folders that people drop or choose. */

import { isImageName } from "../files.js";

/**
 * Returns the files that were dropped, with those of dropped folders.
 * It must be called during the event: afterwards the browser does not give access to folders.
 * @param {DataTransfer} dropped
 * @returns {Promise<{folder: ?string, files: {file: File, path: string}[]}>} `folder`: the name of
 *   the first folder, null if there is none; `path`: of a file in it, without that name
 */
export async function readDropped(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length) return { folder: null, files: withPaths([...dropped.files]) };
  const only = entries.length === 1;
  const found = await Promise.all(entries.map((entry) => walk(entry, only ? "" : entry.name)));
  return { folder: folders[0].name, files: found.flat() };
}

/** Whether a folder was dropped. It must be called during the event. */
export function hasFolder(dropped) {
  return [...dropped.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
}

/** Returns files that were chosen, in the form of `readDropped`. */
export function readChosen(files) {
  const [folder = null] = files[0]?.webkitRelativePath.split("/").slice(0, -1) ?? [];
  return { folder, files: withPaths(files) };
}

/** Whether a file of a folder is a visible image, by its name and type. */
export function isImage({ file, path }) {
  const hidden = path.split("/").some((part) => part.startsWith("."));
  return !hidden && (file.type.startsWith("image/") || isImageName(file.name));
}

function withPaths(files) {
  return files.map((file) => {
    const path = file.webkitRelativePath.split("/").slice(1).join("/");
    return { file, path: path || file.name };
  });
}

/** Returns the files of an entry (File and Directory Entries API). */
async function walk(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((found, failed) => entry.file(found, failed));
    return [{ file, path: path || entry.name }];
  }
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    // It returns about a hundred entries at a time, and in the end none.
    const some = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!some.length) return files;
    for (const one of some) {
      files.push(...await walk(one, path ? `${path}/${one.name}` : one.name));
    }
  }
}
