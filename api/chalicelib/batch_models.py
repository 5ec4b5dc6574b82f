"""The shapes of requests for batches."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from chalicelib.models import MAX_LIST, Name, NewTask, Output, is_an_upload, whole
from darkroom.sources.data_urls import is_data_url
from darkroom.tasks.model import Status

MAX_SOURCES = 1000
MAX_PREFIX_LENGTH = 500


class NewItem(NewTask):
    """One source of a batch: as in the body of `POST /tasks`, but without `data:` URLs."""

    imageUrl: Annotated[  # noqa: N815 - the contract's spelling
        str | None, Field(description="`http:` or `https:` (2,048 characters)")
    ] = None
    output: Annotated[
        Output, Field(description="What the result should be, if not as the batch says")
    ] = Field(default_factory=lambda: Output(format="auto", quality=90))

    @field_validator("imageUrl")
    @classmethod
    def _is_no_data_url(cls, url: str | None) -> str | None:
        if url is not None and is_data_url(url):
            raise ValueError("a batch takes no data: URLs; upload the file and give its uploadId")
        return url


class NewManifest(BaseModel):
    """A file that was uploaded before, with a source on each line."""

    model_config = ConfigDict(extra="forbid", strict=True)

    uploadId: Annotated[  # noqa: N815
        str, Field(description="What `POST /uploads` gave", json_schema_extra={"format": "uuid"})
    ]
    format: Annotated[
        Literal["jsonl", "csv"],
        Field(
            description="JSON Lines, an item on each line, or CSV that begins with `imageUrl,name`"
        ),
    ]

    _is_an_upload = field_validator("uploadId")(is_an_upload)


class NewBatch(BaseModel):
    """The body of `POST /batches`: the sources, where they lie, or a file that lists them."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            # What `_has_one_kind` asks, in the words of JSON Schema.
            "oneOf": [
                {"required": ["sources"], "properties": {"sources": {"type": "array"}}},
                {"required": ["s3Prefix"], "properties": {"s3Prefix": {"type": "string"}}},
                {"required": ["manifest"], "properties": {"manifest": {"type": "object"}}},
            ]
        },
    )

    sources: Annotated[list[NewItem], Field(min_length=1, max_length=MAX_SOURCES)] | None = Field(
        None, description="The items; if one is wrong, nothing is taken"
    )
    s3Prefix: Annotated[  # noqa: N815
        str | None,
        Field(
            min_length=1,
            max_length=MAX_PREFIX_LENGTH,
            description="Of objects below `imports/{id of the API key}/` in the bucket",
        ),
    ] = None
    manifest: Annotated[
        NewManifest | None, Field(description="A file that lists the items, up to two million")
    ] = None
    name: Annotated[Name | None, Field(description="To know the batch by")] = None
    output: Annotated[Output, Field(description="Of items that do not say their own")] = Field(
        default_factory=lambda: Output(format="auto", quality=90)
    )
    toleratedFailurePercentage: Annotated[  # noqa: N815
        int,
        Field(
            ge=0,
            le=100,
            description="Once more of them FAILED, the batch is FAILED and the rest is cancelled",
        ),
        BeforeValidator(whole),
    ] = 100

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        given = [k for k in (self.sources, self.s3Prefix, self.manifest) if k is not None]
        if len(given) != 1:
            raise ValueError("Give one of sources, s3Prefix and manifest")
        return self


class BatchTasksQuery(BaseModel):
    """The query of `GET /batches/{batchId}/tasks`."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only tasks of this status")] = None
    limit: int = Field(20, ge=1, le=MAX_LIST, description="Tasks on a page, at most")
    cursor: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="The `cursor` of the page before"
    )
