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

/** The verbs with which docs/errors.md begins a sentence that says what to do. */
const ADVICE = /^(Ask|Check|Choose|Convert|Correct|Do|Retry|Save|Send|Submit|Try|Upload|Use)\b/;

/**
 * Splits the meaning of an error into what it means and what to do about it.
 * @returns {{meaning: string, todo: string}} either may be empty
 */
export function advice(text) {
  const sentences = text.split(/(?<=[.?!]) (?=[A-Z`])/).filter(Boolean);
  const told = (wanted) => sentences.filter((one) => ADVICE.test(one) === wanted).join(" ");
  return { meaning: told(false), todo: told(true) };
}
