/**
 * Requests to the API, with the key of this tab. Addresses are relative to that of the API: the
 * names of routes, or links from responses, which start at the root of the host.
 */

/** The address of the API. The page may have been opened without the slash at its end. */
const ROOT = new URL("../../", import.meta.url);
const KEY = "darkroom-key";
const TRIES = 4;
/** Items of a page at most, and pages that are read until one is not empty. */
export const LARGEST_PAGE = 100;
export const MOST_PAGES = 5;
/** Maximum size of a body encoded as a JSON string: Lambda accepts 6 MiB with the headers. */
const MOST_BYTES = 6 * 2 ** 20 - 2 ** 16;
/** Retryable statuses: 429 is throttling by API Gateway, 503 a service that is not available. */
const RETRYABLE = new Set([429, 502, 503, 504]);
/** Timeout in milliseconds: more than the 29 s after which API Gateway ends a request. */
const TIMEOUT = 40_000;

/** The API key. It is stored only for the session of this tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  store: (value) => sessionStorage.setItem(KEY, value),
  remove: () => sessionStorage.removeItem(KEY),
};

/** An unsuccessful response, with a message for the user. Status 0: there was no response. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Returns the message of an error for the user. A bug is also logged to the console. */
export function explain(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return `An error occurred on this page (${error.message}). Reload the page.`;
}

/**
 * Posts JSON and returns the JSON of the response. A retryable failure is retried, so the request
 * must be safe to repeat: it has an idempotency key, or the API refuses the second one.
 * @throws {ApiError}
 */
export async function post(path, body = {}, headers = {}) {
  const text = JSON.stringify(body);
  if (new Blob([JSON.stringify(text)]).size > MOST_BYTES) {
    throw new ApiError(413, "RequestTooLarge", "This is larger than 6 MB. Submit it as a file.");
  }
  return read(await retried(() => send("POST", path, headers, text)));
}

/**
 * Deletes something. A retryable failure is retried. What is no longer there counts as deleted: the
 * response of an earlier try may have been lost.
 * @throws {ApiError}
 */
export async function remove(path) {
  try {
    await retried(() => send("DELETE", path, {}));
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

/** Calls a function that makes a request, again after a retryable failure. */
export async function retried(request) {
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await request();
    } catch (error) {
      if (!left || !(error.status === 0 || RETRYABLE.has(error.status))) throw error;
      await pause(Math.min(error.retryAfter ?? 1, 10));
    }
  }
}

// The last response by address: its ETag, and the body that a 304 refers to.
const known = new Map();

/**
 * Gets JSON. An unchanged body is not sent again.
 * @returns {Promise<{body: Object, retryAfter: ?number}>} `retryAfter` in seconds
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
  // A page that is open for days requests many addresses: the oldest entry is removed.
  if (known.size > 50) known.delete(known.keys().next().value);
  return { body, retryAfter };
}

/**
 * Gets a page of a list. With a filter, pages of the API may be empty: then it reads on.
 * @param {string} path of the list; its last segment is the name of the items in a response
 * @param {{limit: number, status: ?string, name: ?string, cursor: ?string}} query what is empty is
 *   left out
 * @param {number} [most] pages of the API to read
 * @returns {Promise<{items: Object[], cursor: ?string, retryAfter: ?number}>} `cursor` of the next
 *   page; null: there is none
 * @throws {ApiError}
 */
export async function getPage(path, query, most = MOST_PAGES) {
  const set = Object.entries(query).filter(([, value]) => value);
  const { body, retryAfter } = await get(`${path}?${new URLSearchParams(set)}`);
  const items = body?.[path.split("/").at(-1)];
  if (!Array.isArray(items)) {
    throw new ApiError(200, "NoList", "The response of the service is not a list.");
  }
  const { cursor } = body;
  const usable = items.filter((item) => item?.taskId ?? item?.batchId);
  if (usable.length || !cursor || most === 1) return { items: usable, cursor, retryAfter };
  return getPage(path, { ...query, cursor }, most - 1);
}

/** Yields all items of a list, page by page. A retryable failure is retried. */
export async function* getAll(path, status = "") {
  let cursor = null;
  do {
    const query = { status, limit: LARGEST_PAGE, cursor };
    const page = await retried(() => getPage(path, query));
    yield page.items;
    ({ cursor } = page);
  } while (cursor);
}

/** Removes all responses from memory: they belong to one API key. */
export function clearResponses() {
  known.clear();
}

/** Returns the JSON of a response. */
async function read(answer) {
  try {
    return await answer.json();
  } catch {
    throw new ApiError(answer.status, "NotJson", "The response of the service is not valid.");
  }
}

async function send(method, path, headers, body) {
  let answer;
  try {
    answer = await fetch(new URL(path, ROOT), {
      method,
      body,
      headers: { "x-api-key": key.get() ?? "", ...headers },
      cache: "no-store", // the ETag is compared here, and the code needs to see a 304
      // A POST may be large on a slow connection, so it has no timeout.
      signal: method === "POST" ? undefined : AbortSignal.timeout(TIMEOUT),
    });
  } catch {
    throw new ApiError(0, "NoAnswer", "The service cannot be reached. Check your connection.");
  }
  if (answer.ok || answer.status === 304) return answer;
  const found = await answer.json().catch(() => null);
  const unknown = `The service returned ${answer.status}. Try again later.`;
  const { code = "Unknown", message = unknown } = found?.error ?? {};
  throw Object.assign(new ApiError(answer.status, code, message), { retryAfter: seconds(answer) });
}

function seconds(answer) {
  const value = answer.headers.get("Retry-After") ?? "";
  return /^\d+$/.test(value) ? Number(value) : null; // the API never sends a date
}

/** Waits for some seconds. */
export function pause(length) {
  return new Promise((done) => setTimeout(done, length * 1000));
}
