/**
 * Calls of the API, with the key that this tab knows. Addresses are relative to the page: routes by
 * their names, links of answers from the root of the host.
 */

const KEY = "darkroom-key";
const TRIES = 4;
/** Bytes of a body within a string of JSON: with its headers, Lambda takes 6 MiB. */
const MOST_BYTES = 6 * 2 ** 20 - 2 ** 16;
/** Statuses that mean: not now. API Gateway throttles with 429, a service that is away is a 503. */
const LATER = new Set([429, 502, 503, 504]);
/** Milliseconds for one answer: more than the 29 s that API Gateway gives it. */
const PATIENCE = 40_000;

/** The API key, kept for the session of this tab only. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  keep: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** An answer that is no success; the message is for people. Status 0: there was no answer. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Returns an error in words for people. One of our own making is told to developers, too. */
export function explain(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return `Something broke on this page (${error.message}).`;
}

/**
 * Posts JSON and returns the answer. What is not served now is sent again, so the request must be
 * one that may arrive twice: it has an idempotency key, or the API refuses its repetition.
 * @throws {ApiError}
 */
export async function post(path, body = {}, headers = {}) {
  const text = JSON.stringify(body);
  if (new Blob([JSON.stringify(text)]).size > MOST_BYTES) {
    throw new ApiError(413, "RequestTooLarge", "This is more than 6 MB: choose it as a file.");
  }
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await read(await send("POST", path, headers, text));
    } catch (error) {
      if (!left || !(error.status === 0 || LATER.has(error.status))) throw error;
      await pause(Math.min(error.retryAfter ?? 1, 10));
    }
  }
}

// What was answered last, by address: the version to name, and the body for a 304.
const known = new Map();

/**
 * Gets JSON. A body that has not changed since the last time does not come again.
 * @returns {Promise<{body: Object, retryAfter: ?number}>} the seconds that the API asks to wait
 * @throws {ApiError}
 */
export async function get(path) {
  const last = known.get(path);
  const answer = await send("GET", path, last ? { "If-None-Match": last.version } : {});
  const retryAfter = seconds(answer);
  if (answer.status === 304) return { body: last.body, retryAfter };
  const body = await read(answer);
  const version = answer.headers.get("ETag");
  known.delete(path);
  if (version) known.set(path, { version, body });
  // A page that is open for days asks for many addresses: the oldest goes.
  if (known.size > 50) known.delete(known.keys().next().value);
  return { body, retryAfter };
}

/** Forgets all answers: they belong to the key that asked. */
export function forgetAnswers() {
  known.clear();
}

/** Returns the JSON of an answer. */
async function read(answer) {
  try {
    return await answer.json();
  } catch {
    throw new ApiError(answer.status, "NotJson", "The answer of the service cannot be read.");
  }
}

async function send(method, path, headers, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      body,
      headers: { "x-api-key": key.get() ?? "", ...headers },
      cache: "no-store", // versions are compared here, and a 304 is to be seen
      // What is sent may be large, and the line slow; what is asked for is small.
      signal: method === "GET" ? AbortSignal.timeout(PATIENCE) : undefined,
    });
  } catch {
    throw new ApiError(0, "NoAnswer", "The service cannot be reached.");
  }
  if (answer.ok || answer.status === 304) return answer;
  const told = await answer.json().catch(() => null);
  const { code = "Unknown", message = `The service answered ${answer.status}.` } = told?.error ?? {};
  throw Object.assign(new ApiError(answer.status, code, message), { retryAfter: seconds(answer) });
}

function seconds(answer) {
  const told = answer.headers.get("Retry-After") ?? "";
  return /^\d+$/.test(told) ? Number(told) : null; // it may also be a date, but ours never is
}

/** Waits so many seconds. */
export function pause(length) {
  return new Promise((done) => setTimeout(done, length * 1000));
}
