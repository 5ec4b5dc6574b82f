/** The meanings of errors, from docs/errors.md, which is deployed with this page. */

const ROW = /^\| `(?<error>\w+)` \| [^|]+ \| [^|]+ \| (?<meaning>.+) \|$/gm;
/** The text below the table: `States.Timeout` and `Sandbox.Timedout` (a step took too long), … */
const OF_AWS = /`(\w+\.\w+)`(?: and `(\w+\.\w+)`)? \(([^)]+)\)/g;

/**
 * Reads the meanings of errors.
 * @returns {Promise<Map<string, string>>} Markdown text by the name of the error
 */
export async function readErrors() {
  const text = await (await fetch(new URL("errors.md", import.meta.url))).text();
  const meanings = new Map();
  for (const [, one, other, meaning] of text.replace(/\s+/g, " ").matchAll(OF_AWS)) {
    const sentence = `${meaning[0].toUpperCase()}${meaning.slice(1)}.`;
    for (const error of [one, other]) if (error) meanings.set(error, sentence);
  }
  for (const { groups } of text.matchAll(ROW)) meanings.set(groups.error, groups.meaning);
  return meanings;
}
