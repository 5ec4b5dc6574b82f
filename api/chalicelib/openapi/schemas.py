"""The schemas of the OpenAPI document, in forms that generators of clients understand.

- A body that needs exactly one of several fields is a choice of named schemas, one for each field.
  If a `oneOf` only lists required fields, generators make types without the other fields, or no
  type at all. It is an `anyOf`, although no body matches two of them: Redocly's linter takes
  only required fields into account, and so finds that the schemas of a `oneOf` overlap.
- A field of a body has no `default`: its description names it. openapi-typescript takes a field
  with a default for one that is always there, and asks for it in requests.

`tests/integration/callers/test_generated_clients.py` uses clients that were generated.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

Json = dict[str, Any]

CHOICES: dict[str, dict[str, str]] = {
    "NewTask": {"imageUrl": "NewTaskFromUrl", "uploadId": "NewTaskFromUpload"},
    "NewItem": {"imageUrl": "NewItemFromUrl", "uploadId": "NewItemFromUpload"},
    "NewBatch": {
        "sources": "NewBatchFromSources",
        "s3Prefix": "NewBatchFromPrefix",
        "manifest": "NewBatchFromManifest",
    },
}
"""The models that need exactly one of several fields: by field, the schema of a body with it."""
NULL = {"type": "null"}


class QuerySchemas(GenerateJsonSchema):
    """Generates schemas without titles of fields, which would only repeat the fields' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's hook
        """Return False."""
        return False


class BodySchemas(QuerySchemas):
    """Generates schemas of bodies, without defaults."""

    def default_schema(self, schema: Any) -> Json:
        """Return the schema of the field without its default."""
        return self.generate_inner(schema["schema"])


def schemas_of(models: Iterable[type[BaseModel]]) -> Json:
    """Return the schemas of bodies by name."""
    _, found = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=BodySchemas,
    )
    schemas: Json = {}
    for name, schema in found["$defs"].items():
        if name not in CHOICES:
            schemas[name] = schema
            continue
        choices = CHOICES[name]
        references = [{"$ref": f"#/components/schemas/{choice}"} for choice in choices.values()]
        schemas[name] = {
            "title": name,
            "description": schema["description"],
            "anyOf": references,
        }
        schemas |= {choice: _with(schema, field, choices) for field, choice in choices.items()}
    return schemas


def _with(schema: Json, chosen: str, choices: Mapping[str, str]) -> Json:
    """Return the schema of an object that has the `chosen` field, and no other one of `choices`.

    The others may be sent as `null`, which means the same as not to send them.
    """
    properties = dict(schema["properties"])
    for name in choices:
        about = {key: value for key, value in properties[name].items() if key != "anyOf"}
        [kind] = [kind for kind in properties[name]["anyOf"] if kind != NULL]
        other = {"description": about["description"], **NULL}
        properties[name] = {**about, **kind} if name == chosen else other
    return {
        **schema,
        "title": choices[chosen],
        "description": f"{schema['description']} This one has the field `{chosen}`.",
        "properties": properties,
        "required": [*schema.get("required", []), chosen],
    }
