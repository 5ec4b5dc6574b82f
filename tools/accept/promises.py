"""All promises, in the order in which they are checked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from darkroom.cli.stack import NoStack, Stack
from tools.accept import batches, operations, requests, tasks, webhooks
from tools.accept.report import Line, Report
from tools.accept.sites import Sites, sites_of
from tools.accept.subject import Subject

HTTP_SECONDS = 35.0


def accept(
    stack: Stack,
    stage: str | None = None,
    version: str | None = None,
    *,
    alarms_may_be_on: bool = False,
    on_line: Callable[[Line], None] = lambda _: None,
) -> Report:
    """Test a deployed stack, and remove what the test has created there.

    Args:
        stack: with its name and outputs.
        stage: `dev`, `staging`, `prod`; by default the stack's tag `stage`.
        version: the release that must be live; by default the stack's parameter `Release`.
        alarms_may_be_on: whether an alarm that is on before the test is only reported.
        on_line: called with each line of the report when it is known.

    Raises:
        NoStack: only the address of the API is known.
        BotoCoreError, ClientError: the stack cannot be read in CloudFormation.
    """
    report = Report(on_line)
    with _subject(stack, stage) as subject:
        report.check(
            "no alarm is on",
            lambda: operations.check_alarms(subject, may_be_on=alarms_may_be_on),
        )
        report.check("the release is live", lambda: operations.check_release(subject, version))
        report.check("API key", lambda: requests.check_key(subject))
        try:
            with sites_of(subject) as sites:
                _check_tasks(report, subject, sites)
        finally:
            report.check("clean-up", subject.remove)
    return report


def _check_tasks(report: Report, subject: Subject, sites: Sites) -> None:
    report.check("a task is completed", lambda: tasks.check_first(subject))
    tried = tasks.run_waves(subject, sites)
    tasks.report(report, subject, sites, tried)
    unavailable = tried.failures["SourceUnavailable"]
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("WorkflowType", lambda: operations.check_workflow_type(subject)),
        ("retries are in the history", lambda: operations.check_retries(subject, unavailable)),
        ("presigned form", lambda: requests.check_form(subject)),
        ("links", lambda: requests.check_links(subject)),
        ("idempotency", lambda: requests.check_idempotency(subject)),
        ("cancel", lambda: requests.check_cancel(subject, sites)),
        ("retry", lambda: requests.check_retry(subject)),
        ("signed webhook", lambda: webhooks.check_webhook(subject, sites)),
        ("batch", lambda: batches.check_batch(subject)),
        ("repair of a stopped execution", lambda: batches.check_repair(subject, sites)),
        ("trace", lambda: operations.check_trace(subject)),
    )
    for promise, check in checks:
        report.check(promise, check)


@contextmanager
def _subject(stack: Stack, stage: str | None) -> Iterator[Subject]:
    if not stack.stack_name:
        raise NoStack("Only the address of the API is known. Name the stack: STACK=name.")
    (described,) = stack.client("cloudformation").describe_stacks(StackName=stack.stack_name)[
        "Stacks"
    ]
    # `.local/stack.json` has the outputs of the last `make up`, which may have changed since.
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
    stack = replace(stack, outputs=outputs)
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
    with stack.darkroom() as client, stack.http(HTTP_SECONDS) as http:
        yield Subject(
            stack,
            client,
            http,
            stage=stage or tags.get("stage") or ("local" if stack.is_local else None),
            parameters={
                one["ParameterKey"]: one["ParameterValue"] for one in described["Parameters"]
            },
        )
