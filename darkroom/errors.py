"""Why a task can fail. A class's name is its error name in the state machine.

AWS Lambda reports the class name of an exception as `errorType`, and Step Functions matches it in
`Retry` and `Catch`
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html). So these names
are a contract: `statemachine/task.asl.json`, `docs/errors.md` and this module are held together by
`tests/contract/test_errors.py`.
"""


class DarkroomError(Exception):
    """A failure with a name that clients and the state machine know. Its message is for people."""


class SourceError(DarkroomError):
    """The bytes of the source cannot be had. Raised by the step Download."""


class SourceNotFound(SourceError):
    """The source answered 404, 410 or another 4xx that no retry mends, or its upload is gone."""


class SourceForbidden(SourceError):
    """The source answered 401 or 403."""


class SourceBlocked(SourceError):
    """The source's address is not one that Darkroom may call, or its redirects do not end."""


class NoSource(SourceError):
    """The line of a batch's manifest that the task was made of is no source."""


class SourceTooLarge(SourceError):
    """The source is over the byte limit, as announced or as counted."""


class SourceUnavailable(SourceError):
    """The source answered 5xx or 429, or not at all. Tried again."""


class ImageError(DarkroomError):
    """The bytes came but are no image that can be developed. Raised by the step Grayscale."""


class InvalidImage(ImageError):
    """The file is empty, broken or truncated."""


class UnsupportedFormat(ImageError):
    """The file is not in a format that Darkroom takes."""


class ImageTooLarge(ImageError):
    """The image has more pixels, all frames counted, than the limit, or needs more memory."""


class ResultCorrupted(DarkroomError):
    """The stored result differs in size or checksum from what Grayscale made. Tried again."""


class ServiceUnavailable(DarkroomError):
    """An AWS service that the step needs refused or did not answer. Tried again."""


class StaleAttempt(DarkroomError):
    """Another attempt or execution, or a cancel, owns the task now. The execution ends quietly."""


class ExecutionLost(DarkroomError):
    """The execution ended, or is gone, without a word on the task. Found by reconcile."""


class ExecutionAborted(DarkroomError):
    """Somebody stopped the execution in the console. Found by reconcile."""


class DeadLettered(DarkroomError):
    """The task's message could not be dispatched in five tries. Found by reconcile."""
