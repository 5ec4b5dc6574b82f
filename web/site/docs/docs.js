/** The API documentation. Its content comes from openapi.json. */

import { byId, code, element, paragraph, table } from "../dom.js";
import { block, examples, readRoutes, routeName, routeSection, section } from "./route.js";
import { breakable, fieldTable, follower } from "./schema.js";

const WIDE = matchMedia("(min-width: 60.01rem)");

async function read() {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`The service returned ${answer.status}.`);
  return answer.json();
}

function show(document) {
  const follow = follower(document);
  const routes = readRoutes(document, follow);
  const address = new URL(document.servers[0].url, new URL("openapi.json", location.href)).href
    .replace(/\/$/, "");
  const sections = [
    ["introduction", "Introduction", introduction(document, address)],
    ["authentication", "Authentication", authentication(document, routes)],
    ...routes.map((route) => [
      route.operationId, routeName(route), routeSection(route, follow, address),
    ]),
    ["errors", "Errors", section("errors", "Errors", errors(routes, follow), [])],
  ];
  byId("places").append(...sections.map(([id, name]) => (
    element("li", {}, element("a", { href: `#${id}` }, name))
  )));
  byId("sections").append(...sections.map(([, , content]) => content));
  byId(location.hash.slice(1))?.scrollIntoView();
  mark(sections.map(([id]) => id));
}

function introduction(document, address) {
  const { title, version, description } = document.info;
  return section("introduction", `The API of ${title}`, [
    description.split("\n\n").map((text) => paragraph(text)),
    paragraph(`Version ${version}, OpenAPI ${document.openapi}`, "limit"),
  ], [block("Address", address)]);
}

function authentication(document, routes) {
  const free = routes.filter((route) => !route.scheme);
  const open = free.map((route) => `\`${route.method.toUpperCase()} ${route.path}\``).join(" and ");
  return section("authentication", "Authentication", [
    Object.values(document.components.securitySchemes).map((scheme) => [
      paragraph(`Send your API key in the header \`${scheme.name}\`.`),
      paragraph(scheme.description ?? ""),
    ]),
    open ? paragraph(`Only ${open} need no key.`) : null,
  ], [block("Set the key for the commands below", "read -rs apiKey")]);
}

/** Returns the table of the errors of all routes, and those of the fields of their bodies. */
function errors(routes, follow) {
  const found = new Map();
  const shapes = new Map();
  for (const { responses } of routes) {
    for (const [status, given] of Object.entries(responses).filter(([one]) => one >= "4")) {
      for (const [name, { error }] of examples(given, follow)) {
        if (!found.has(name)) found.set(name, { status, messages: new Set() });
        found.get(name).messages.add(error.message); // the message for a batch may differ
      }
      for (const { schema } of Object.values(given.content ?? {})) shapes.set(schema.$ref, schema);
    }
  }
  const order = ([, one], [, other]) => one.status.localeCompare(other.status);
  const rows = [...found].sort(order).map(([name, { status, messages }]) => (
    element("tr", { id: `error-${name}` },
      element("th", { scope: "row" }, code(breakable(name))),
      element("td", {}, code(status)),
      element("td", {}, [...messages].map((message) => element("p", {}, message))),
    )
  ));
  const options = { title: "Body of an error", sent: false };
  return [
    table("errors", "All errors", ["Code", "Status", "Example message"], rows),
    element("h3", {}, "Body"),
    [...shapes.values()].map((schema) => fieldTable(schema, follow, options)),
  ];
}

/** Marks the current section in the contents. */
function mark(ids) {
  const links = new Map(ids.map((id) => [id, document.querySelector(`#places a[href="#${id}"]`)]));
  const seen = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      const link = links.get(target.id);
      if (isIntersecting) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-20% 0px -79% 0px" }); // a line at a fifth of the height
  for (const id of ids) seen.observe(byId(id));
}

function updateContents() {
  byId("contents").open = WIDE.matches;
}

WIDE.addEventListener("change", updateContents);
updateContents();
byId("places").addEventListener("click", () => {
  if (!WIDE.matches) byId("contents").open = false;
});
try {
  show(await read());
} catch (error) {
  byId("page-problem").textContent = `The page could not be loaded: ${error.message} Reload it.`;
}
