/** Tables of schemas: a row for each field, followed by the fields of its objects. */

import { code, element, paragraph, table, visuallyHidden } from "../dom.js";

const HEAD = () => ["Name", "Meaning"].map(visuallyHidden);

/** Returns a function that resolves a reference; it returns anything else unchanged. */
export function follower(document) {
  return function follow(node) {
    if (!node?.$ref) return node ?? {};
    const { $ref, ...beside } = node;
    const path = $ref.slice(2).split("/").map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
    const found = follow(path.reduce((place, part) => place[part], document));
    return { named: path.at(-1), ...merged(found, follow), ...beside };
  };
}

/**
 * Returns a choice of objects with the same fields as one object with a rule: `oneOf` lists the
 * field that each of them requires. Returns any other schema unchanged.
 */
function merged(schema, follow) {
  const choices = (schema.properties ? [] : schema.anyOf ?? []).map(follow);
  const [first] = choices;
  const same = (one) => one.properties && Object.keys(one.properties).join() === namesOf(first).join();
  if (choices.length < 2 || !first.properties || !choices.every(same)) return schema;
  const required = choices.map((one) => one.required ?? []);
  const always = required[0].filter((name) => required.every((names) => names.includes(name)));
  const pick = (name) => choices.map((one) => one.properties[name]).find((one) => one.type !== "null");
  return {
    ...schema,
    anyOf: undefined,
    properties: Object.fromEntries(namesOf(first).map((name) => [name, pick(name)])),
    required: always,
    oneOf: required.map((names) => ({ required: names.filter((name) => !always.includes(name)) })),
  };
}

function namesOf(schema) {
  return Object.keys(schema.properties);
}

/**
 * Returns the table of the fields of an object.
 * @param {Object} schema
 * @param {function(Object): Object} follow see `follower`
 * @param {{title: string, sent: boolean}} options `title` is the caption. If the client sends the
 *   object (`sent`), required fields are marked, otherwise fields that may be missing.
 */
export function fieldTable(schema, follow, { title, sent }) {
  const whole = follow(schema);
  const rows = [...fields(whole, follow)].map(({ path, field, needed, only }) => {
    const mark = sent === needed ? (sent ? "required" : "may be missing") : "";
    return row({ name: path, type: typeOf(field, follow), mark, field, only, follow });
  });
  const rule = choice(whole);
  return [rule ? paragraph(rule, "rule") : null, table("fields", title, HEAD(), rows)];
}

/** Returns the table of parameters or headers: objects with `name`, `schema`, `required`, … */
export function parameterTable(title, parameters, follow) {
  return table("fields", title, HEAD(), parameters.map((parameter) => {
    const schema = follow(parameter.schema);
    const type = [parameter.in, typeOf(schema, follow)].filter(Boolean).join(", ");
    const mark = parameter.in && parameter.required ? "required" : "";
    const field = { ...schema, description: parameter.description };
    return row({ name: parameter.name, type, mark, field, follow });
  }));
}

function row({ name, type, mark, field, only, follow }) {
  return element("tr", {},
    element("th", { scope: "row" },
      code(breakable(name)),
      element("span", { className: "type" }, type),
      mark ? element("span", { className: "needed" }, mark) : null,
    ),
    element("td", {},
      field.description ? paragraph(field.description) : null,
      only ? paragraph(`In ${only} only`, "limit") : null,
      limitsOf(field, follow).map((limit) => paragraph(limit, "limit")),
    ),
  );
}

/** Yields the fields of an object, depth first; `above` has the names of enclosing schemas. */
function* fields(schema, follow, prefix = "", above = [], only = null) {
  for (const [name, given] of Object.entries(schema.properties ?? {})) {
    const field = follow(given);
    const path = prefix + name;
    yield { path, field, needed: (schema.required ?? []).includes(name), only };
    const inner = variants(field, follow).map((one) => [one, follow(one.items)]).flatMap(
      ([one, item]) => [[one, `${path}.`], [item, `${path}[].`]],
    ).filter(([one]) => one.properties && !above.includes(one.named));
    for (const [one, start] of inner) {
      const alone = inner.length > 1 ? one.named : only;
      yield* fields(one, follow, start, [...above, one.named], alone);
    }
  }
}

/** Returns the schemas of a union, or the only schema. */
function variants(field, follow) {
  const several = field.anyOf ?? field.oneOf;
  return several && !field.properties ? several.map(follow) : [field];
}

function typeOf(field, follow) {
  const types = variants(field, follow).map((one) => {
    if (one.type === "array") return `array of ${typeOf(follow(one.items), follow)}`;
    if (one.properties && one.named) return one.named;
    if (one.additionalProperties?.type) return `object of ${one.additionalProperties.type}s`;
    return [one.type].flat().join(" or ") || "anything";
  });
  const format = variants(field, follow).map((one) => one.format).find(Boolean) ?? field.format;
  return [[...new Set(types)].join(" or "), format].filter(Boolean).join(", ");
}

/** Returns the constraints of a schema as sentences. */
function limitsOf(field, follow) {
  const limits = variants(field, follow).flatMap((one) => [
    within(one.minLength, one.maxLength, " characters"),
    within(one.minimum, one.maximum, ""),
    within(one.minItems, one.maxItems, " items"),
    among(one.enum ?? (one.const === undefined ? [] : [one.const])),
    one.pattern ? `Matches \`${one.pattern}\`` : null,
    choice(follow(one.items)),
  ]);
  if (field.default !== undefined && field.default !== null) {
    limits.push(`Default \`${field.default}\``);
  }
  return limits.filter(Boolean);
}

function among(values) {
  const shown = values.map((value) => `\`${value}\``).join(", ");
  return values.length ? `${values.length > 1 ? "One of" : "Always"} ${shown}` : null;
}

function within(least, most, unit) {
  if (least === undefined && most === undefined) return null;
  if (most === undefined) return `At least ${least}${unit}`;
  return least === undefined ? `At most ${most}${unit}` : `${least} to ${most}${unit}`;
}

/** Returns a sentence for a `oneOf` that only lists mutually exclusive fields. */
function choice(schema) {
  const sets = (schema.oneOf ?? []).map((one) => one.required ?? []);
  if (!schema.properties || !sets.length || !sets.every((set) => set.length)) return null;
  const names = sets.map((set) => set.map((name) => `\`${name}\``).join(" with "));
  return `Give exactly one of ${names.slice(0, -1).join(", ")} and ${names.at(-1)}.`;
}

/** Returns a name with possible line breaks before dots and capitals. */
export function breakable(name) {
  return name.split(/(?=[.A-Z[])/).flatMap((part) => [element("wbr"), part]).slice(1);
}
