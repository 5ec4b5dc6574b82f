"""Every error that a task can end with. The class name is the error name in the state machine.

AWS Lambda reports the class name of an exception as `errorType`, and Step Functions matches it in
`Retry` and `Catch`
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html). The names are
therefore a contract: `tests/contract/test_errors.py` checks that `statemachine/task.asl.json`,
`docs/errors.md` and this module agree.
"""


class DarkroomError(Exception):
    """Base class. Clients and the state machine know the class name; people read the message."""


class SourceError(DarkroomError):
    """The source cannot be read. Raised by the step Download."""


class SourceNotFound(SourceError):
    """The source answered 404, 410 or another non-retryable 4xx, or its upload was deleted."""


class SourceForbidden(SourceError):
    """The source answered 401 or 403."""


class SourceBlocked(SourceError):
    """Darkroom must not call the source's address, or the source redirects without end."""


class NoSource(SourceError):
    """The task was created from a line of a batch's manifest that is not a valid source."""


class SourceTooLarge(SourceError):
    """The source exceeds the byte limit, by its announced size or by the bytes received."""


class SourceUnavailable(SourceError):
    """The source answered 5xx or 429, or did not answer. Retried."""


class ImageError(DarkroomError):
    """The source was read, but its bytes cannot be processed. Raised by the step Grayscale."""


class InvalidImage(ImageError):
    """The file is empty, broken or truncated."""


class UnsupportedFormat(ImageError):
    """The file is not in a format that Darkroom supports."""


class ImageTooLarge(ImageError):
    """The image has more pixels (all frames counted) than the limit, or needs too much memory."""


class ResultCorrupted(DarkroomError):
    """The stored result differs in size or checksum from the output of Grayscale. Retried."""


class ServiceUnavailable(DarkroomError):
    """An AWS service that the step needs refused the call or did not answer. Retried."""


class StaleAttempt(DarkroomError):
    """The task was cancelled, or another attempt or execution owns it. Never a task's failure."""


class ExecutionLost(DarkroomError):
    """The execution ended or no longer exists, but did not update the task. Set by reconcile."""


class ExecutionAborted(DarkroomError):
    """Somebody stopped the execution in the console. Set by reconcile."""


class DeadLettered(DarkroomError):
    """The execution of the task could not be started for more than an hour. Set by reconcile."""
