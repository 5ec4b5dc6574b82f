"""The shapes of requests for batches."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from chalicelib.models import (
    MAX_LIST,
    Body,
    Name,
    NewTask,
    Output,
    UploadId,
    as_integer,
    checked_url,
)
from darkroom.batches.model import BatchStatus
from darkroom.sources.data_urls import is_data_url
from darkroom.tasks.model import Status

MAX_SOURCES = 1000
MAX_PREFIX_LENGTH = 500


def _no_data_url(url: str) -> str:
    if is_data_url(url):
        raise ValueError("a batch takes no data: URLs; upload the file and send its uploadId")
    return url


# The validator on the left runs first.
WebUrl = Annotated[str, AfterValidator(_no_data_url), AfterValidator(checked_url)]


class NewItem(NewTask):
    """One source of a batch: as in the body of `POST /tasks`, but without `data:` URLs."""

    imageUrl: Annotated[
        WebUrl | None, Field(description="`http:` or `https:` (2,048 characters)")
    ] = None
    output: Annotated[
        Output, Field(description="The result's format and quality, instead of the batch's")
    ] = Field(default_factory=lambda: Output(format="auto", quality=90))

    @model_serializer(mode="wrap")
    def _keep_output(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the item as JSON, with an `output` that was sent although it is the default.

        It is not the same as none, because the batch may have another output.
        """
        item: dict[str, Any] = serialize(self)
        if "output" in self.model_fields_set:
            item.setdefault("output", self.output.model_dump())
        return item


class NewManifest(Body):
    """A file that was uploaded before, with a source on each line."""

    uploadId: Annotated[
        UploadId, Field(description="From `POST /uploads`", json_schema_extra={"format": "uuid"})
    ]
    format: Annotated[
        Literal["jsonl", "csv"],
        Field(
            description="JSON Lines with one item on each line, or CSV with a header line such as "
            "`imageUrl,name`"
        ),
    ]


class NewBatch(Body):
    """The body of `POST /batches`: the sources, a prefix of objects, or a file with the sources."""

    sources: Annotated[list[NewItem], Field(min_length=1, max_length=MAX_SOURCES)] | None = Field(
        None, description="The items; if one is invalid, the whole request is refused"
    )
    s3Prefix: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_PREFIX_LENGTH,
            description="A prefix of objects below the caller's `imports/{owner}/` in the bucket",
        ),
    ] = None
    manifest: Annotated[
        NewManifest | None, Field(description="A file that lists the items, up to two million")
    ] = None
    name: Annotated[Name | None, Field(description="A name for the batch")] = None
    output: Annotated[Output, Field(description="For items without an `output`")] = Field(
        default_factory=lambda: Output(format="auto", quality=90)
    )
    toleratedFailurePercentage: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="When a larger share of the tasks FAILED, the batch is FAILED and its open "
            "tasks are cancelled; 100 by default",
        ),
        BeforeValidator(as_integer),
    ] = 100

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        kinds = [k for k in (self.sources, self.s3Prefix, self.manifest) if k is not None]
        if len(kinds) != 1:
            raise ValueError("Send exactly one of sources, s3Prefix and manifest")
        return self


class BatchListQuery(BaseModel):
    """The query of `GET /batches`."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[BatchStatus | None, Field(description="Only batches of this status")] = None
    limit: int = Field(20, ge=1, le=MAX_LIST, description="Batches on a page, at most")
    cursor: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="The `cursor` of the previous page; it stays valid while batches arrive"
    )


class BatchTasksQuery(BaseModel):
    """The query of `GET /batches/{batchId}/tasks`."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only tasks of this status")] = None
    limit: int = Field(20, ge=1, le=MAX_LIST, description="Tasks on a page, at most")
    cursor: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="The `cursor` of the previous page"
    )
