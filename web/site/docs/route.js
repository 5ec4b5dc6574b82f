/** One route of the API: parameters, body, responses, errors, examples with a copy button. */

import { announce, code, element, paragraph, table, visuallyHidden } from "../dom.js";
import { fieldTable, parameterTable } from "./schema.js";

const METHODS = new Set(["get", "post", "put", "patch", "delete"]);
const NARROW = 48;
const SHOWN = 2000; // milliseconds

/**
 * Returns the routes of an OpenAPI document, in its order.
 * @returns {Object[]} operations, each with its `path`, `method`, `parameters` (including those of
 *   the path) and the security `scheme` that it needs, null if it needs none
 */
export function readRoutes(document, follow) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).filter((name) => METHODS.has(name)).map((method) => {
      const operation = item[method];
      const [needed] = operation.security ?? document.security ?? [];
      const [name] = Object.keys(needed ?? {});
      return {
        ...operation,
        path,
        method,
        parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(follow),
        scheme: name ? document.components.securitySchemes[name] : null,
      };
    }),
  );
}

/** Returns the name of a route: its method and its path. */
export function routeName({ method, path }) {
  return [
    element("span", { className: "method" }, method.toUpperCase()),
    " ",
    code(path.split(/(?=\/)/).map((part) => [part, element("wbr")])),
  ];
}

/** Returns the section of a route; `address` is the one of the API. */
export function routeSection(route, follow, address) {
  const responses = Object.entries(route.responses).map(([status, given]) => [status, follow(given)]);
  const successes = responses.filter(([status]) => status < "4");
  const sent = examples(route.requestBody, follow);
  const requests = sent.length ? sent : [["", undefined]];
  return section(route.operationId, routeName(route), [
    paragraph(`${route.summary}.`, "summary"),
    route.description ? paragraph(route.description) : null,
    route.scheme ? null : paragraph("No key is needed.", "limit"),
    parameters("h3", "Parameters", route.parameters, follow),
    body(route.requestBody, follow),
    element("h3", {}, "Responses"),
    successes.map(([status, response]) => answer(status, response, follow)),
    element("h3", {}, "Errors"),
    errors(responses.filter(([status]) => status >= "4"), follow),
    Object.values(route.callbacks ?? {}).map((callback) => webhooks(callback, follow)),
  ], [
    requests.map(([name, value]) => block(name || "Request", curl(route, address, value))),
    successes.map(([status, response]) => examples(response, follow).map(([name, value]) => (
      block(`${status}: ${name || response.description}`, json(value))
    ))),
  ]);
}

/** Returns a section with a heading and text, and next to it blocks of code. */
export function section(id, heading, text, blocks) {
  return element("section", { className: "route", id, "aria-labelledby": `${id}-title` },
    element("div", { className: "text" }, element("h2", { id: `${id}-title` }, heading), text),
    element("div", { className: "examples" }, blocks),
  );
}

function parameters(level, title, given, follow) {
  return given.length ? [element(level, {}, title), parameterTable(title, given, follow)] : [];
}

function body(given, follow) {
  const content = Object.values(follow(given).content ?? {})[0];
  if (!content) return [];
  const title = given.required ? "Body" : "Body (optional)";
  return [element("h3", {}, title), fieldTable(content.schema, follow, { title, sent: true })];
}

/** Returns the description of a response; its fields are shown when the user opens it. */
function answer(status, response, follow) {
  const content = Object.values(response.content ?? {})[0];
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) => (
    { name, ...follow(header) }
  ));
  const schema = content ? follow(content.schema) : {};
  const options = { title: `Body of ${status}`, sent: false };
  return element("details", { className: "answer" },
    element("summary", {},
      code(status),
      ` ${response.description}`,
      schema.named ? element("span", { className: "type" }, ` ${schema.named}`) : null,
    ),
    parameters("h4", "Headers", headers, follow),
    schema.properties
      ? [element("h4", {}, "Body"), fieldTable(content.schema, follow, options)]
      : null,
  );
}

function errors(responses, follow) {
  const rows = responses.map(([status, response]) => {
    const codes = examples(response, follow).map(([name]) => (
      [element("a", { href: `#error-${name}` }, code(name)), " "]
    ));
    const headers = Object.entries(response.headers ?? {});
    return element("tr", {},
      element("th", { scope: "row" }, code(status)),
      element("td", {},
        paragraph(response.description),
        element("p", { className: "codes" }, codes),
        headers.map(([name, header]) => (
          paragraph(`With \`${name}\`: ${follow(header).description}`, "limit")
        )),
      ),
    );
  });
  return table("fields statuses", "Errors", [], rows);
}

function webhooks(callback, follow) {
  return Object.values(callback).map(({ post }) => {
    const { summary, description, parameters: headers, requestBody } = post;
    const { schema } = Object.values(requestBody.content)[0];
    return [
      element("h3", {}, "Webhook"),
      paragraph([`${summary}.`, description].filter(Boolean).join(" ")),
      headers ? parameterTable("Headers of the webhook", headers.map(follow), follow) : null,
      fieldTable(schema, follow, { title: "Body of the webhook", sent: false }),
      examples(requestBody, follow).map(([, value]) => block("Webhook", json(value))),
    ];
  });
}

/** Returns the examples of a request or a response: names, which may be empty, and values. */
export function examples(given, follow) {
  const content = Object.values(follow(given).content ?? {})[0] ?? {};
  if (content.example !== undefined) return [["", content.example]];
  return Object.entries(content.examples ?? {}).map(([name, one]) => [name, follow(one).value]);
}

/**
 * Returns a block of code with a copy button.
 * @param {string} title a short description
 * @param {string} text
 */
export function block(title, text) {
  const content = code(text);
  const label = element("span", {}, "Copy");
  const button = element("button", { className: "quiet", type: "button" },
    label, visuallyHidden(` ${title}`),
  );
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(content);
      announce("The browser does not allow copying. The text is selected: copy it yourself.");
      return;
    }
    label.textContent = "Copied";
    announce("Copied.");
    setTimeout(() => { label.textContent = "Copy"; }, SHOWN);
  });
  return element("figure", { className: "code" },
    element("figcaption", {}, element("span", {}, title), button),
    // It scrolls, so it must be reachable with the keyboard.
    element("pre", { tabIndex: 0, role: "group", "aria-label": title }, content),
  );
}

/** Returns an example as JSON: on one line if it is short. */
function json(example) {
  const line = JSON.stringify(example);
  return line.length > NARROW ? JSON.stringify(example, null, 2) : line;
}

/**
 * Returns the curl command of a request. It takes the key, if the route needs one, from `$apiKey`.
 * @param {Object} route see `readRoutes`
 * @param {string} address of the API, without a slash at the end
 * @param {*} [body] undefined: no body
 */
function curl(route, address, body) {
  const path = route.path.replace(/\{(\w+)\}/g, (place, name) => {
    const parameter = route.parameters.find((one) => one.name === name && one.in === "path");
    return parameter?.example ?? parameter?.schema?.example ?? place;
  });
  const sent = body !== undefined;
  const method = route.method === (sent ? "post" : "get") ? "" : `-X ${route.method.toUpperCase()} `;
  const parts = [`curl -s ${method}"${address}${path}"`];
  if (route.scheme) parts.push(`-H "${route.scheme.name}: $apiKey"`);
  if (sent) {
    parts.push("-H 'Content-Type: application/json'", `-d '${json(body).replaceAll("'", "'\\''")}'`);
  }
  return parts.join(" \\\n  ");
}
