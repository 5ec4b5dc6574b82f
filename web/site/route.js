/** One route of the API: parameters, body, responses, errors, examples. */

import { block, curl, json } from "./code.js";
import { element } from "./dom.js";
import { fieldTable, parameterTable, visuallyHidden } from "./schema.js";
import { prose } from "./errors.js";

const METHODS = new Set(["get", "post", "put", "patch", "delete"]);

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
    element("code", {}, ...path.split(/(?=\/)/).flatMap((part) => [part, element("wbr")])),
  ];
}

/** Returns the section of a route; `address` is the one of the API. */
export function routeSection(route, follow, address) {
  const responses = Object.entries(route.responses).map(([status, given]) => [status, follow(given)]);
  const successes = responses.filter(([status]) => status < "4");
  const text = element(
    "div",
    { className: "text" },
    element("h2", { id: `${route.operationId}-title` }, ...routeName(route)),
    element("p", { className: "summary" }, ...prose(`${route.summary}.`)),
    route.description ? element("p", {}, ...prose(route.description)) : null,
    route.scheme ? null : element("p", { className: "limit" }, "No key is needed."),
    ...parameters(route.parameters, follow),
    ...body(route.requestBody, follow),
    element("h3", {}, "Responses"),
    ...successes.map(([status, response]) => answer(status, response, follow)),
    element("h3", {}, "Errors"),
    errors(responses.filter(([status]) => status >= "4"), follow),
    ...Object.values(route.callbacks ?? {}).flatMap((callback) => webhooks(callback, follow)),
  );
  const sent = examples(route.requestBody, follow);
  const requests = sent.length
    ? sent.map(([name, value]) => block(name || "Request", curl(route, address, value)))
    : [block("Request", curl(route, address))];
  const answers = successes.flatMap(([status, response]) =>
    examples(response, follow).map(([name, value]) =>
      block(name ? `${status}: ${name}` : `${status}: ${response.description}`, json(value))),
  );
  return element(
    "section",
    { className: "route", id: route.operationId, "aria-labelledby": `${route.operationId}-title` },
    text,
    element("div", { className: "examples" }, ...requests, ...answers),
  );
}

function parameters(given, follow) {
  if (!given.length) return [];
  return [element("h3", {}, "Parameters"), parameterTable("Parameters", given, follow)];
}

function body(given, follow) {
  const content = Object.values(follow(given).content ?? {})[0];
  if (!content) return [];
  const title = given.required ? "Body" : "Body (optional)";
  return [element("h3", {}, title), ...fieldTable(content.schema, follow, { title, sent: true })];
}

/** Returns the description of a response; its fields are shown when the user opens it. */
function answer(status, response, follow) {
  const content = Object.values(response.content ?? {})[0];
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) => (
    { name, ...follow(header) }
  ));
  const schema = content ? follow(content.schema) : {};
  return element(
    "details",
    { className: "answer" },
    element(
      "summary",
      {},
      element("code", {}, status),
      ` ${response.description}`,
      schema.named ? element("span", { className: "type" }, ` ${schema.named}`) : null,
    ),
    ...(headers.length
      ? [element("h4", {}, "Headers"), parameterTable("Headers", headers, follow)]
      : []),
    ...(schema.properties
      ? [
        element("h4", {}, "Body"),
        ...fieldTable(content.schema, follow, { title: `Body of ${status}`, sent: false }),
      ]
      : []),
  );
}

function errors(responses, follow) {
  const rows = responses.map(([status, response]) => {
    const codes = examples(response, follow).map(([code]) => code);
    const headers = Object.entries(response.headers ?? {});
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, status)),
      element(
        "td",
        {},
        element("p", {}, ...prose(response.description)),
        element(
          "p",
          { className: "codes" },
          ...codes.flatMap((code) => [
            element("a", { href: `#error-${code}` }, element("code", {}, code)), " ",
          ]),
        ),
        ...headers.map(([name, header]) => element(
          "p", { className: "limit" }, ...prose(`With \`${name}\`: ${follow(header).description}`),
        )),
      ),
    );
  });
  return element(
    "table",
    { className: "fields statuses" },
    element("caption", {}, visuallyHidden("Errors")),
    element("tbody", {}, ...rows),
  );
}

function webhooks(callback, follow) {
  return Object.values(callback).flatMap((item) => {
    const { summary, description, parameters: headers, requestBody } = item.post;
    return [
      element("h3", {}, "Webhook"),
      element("p", {}, ...prose([`${summary}.`, description].filter(Boolean).join(" "))),
      ...(headers ? [parameterTable("Headers of the webhook", headers.map(follow), follow)] : []),
      ...fieldTable(Object.values(requestBody.content)[0].schema, follow, {
        title: "Body of the webhook",
        sent: false,
      }),
      ...examples(requestBody, follow).map(([, value]) => block("Webhook", json(value))),
    ];
  });
}

/** Returns the examples of a request or a response: names, which may be empty, and values. */
export function examples(given, follow) {
  const content = Object.values(follow(given).content ?? {})[0] ?? {};
  if (content.example !== undefined) return [["", content.example]];
  return Object.entries(content.examples ?? {}).map(([name, one]) => [name, follow(one).value]);
}
