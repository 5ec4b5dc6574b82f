"""What an operator relies on: alarms, releases, histories, traces."""

import datetime
import json

from darkroom.cli.operator import history
from darkroom.cli.operator.deployment import FAIL
from darkroom.cli.operator.doctor import alarms
from darkroom.client import Task
from darkroom.tasks.history import Visit
from tools.accept.report import Broken, NotChecked
from tools.accept.subject import Subject
from tools.accept.tasks import Outcome

STATES = ["MarkRunning", "Download", "Grayscale", "Upload", "MarkCompleted"]
DOWNLOAD_TRIES = 4
"""docs/errors.md: Download is retried 3 times after SourceUnavailable."""
LOG_SECONDS = 60.0
"""How long the log of an Express execution may take to arrive."""
TRACE_SECONDS = 90.0


def check_alarms(subject: Subject, *, may_be_on: bool) -> str:
    """No alarm of the stack is on, before the test does anything.

    Raises:
        NotChecked: one is, but `may_be_on`.
    """
    (first, *others) = alarms(subject.deployment)
    on = [finding.message for finding in (first, *others) if finding.level == FAIL]
    if on and may_be_on:
        raise NotChecked(f"{', '.join(on)}: the release may be the correction")
    if on:
        raise Broken("no alarm is on before the test", ", ".join(on))
    return first.message


def check_release(subject: Subject, version: str | None) -> str:
    """The alias `live` of each function has the version of the release.

    Args:
        subject: the stack.
        version: of the release; by default the stack's parameter `Release`.
    """
    version = version or subject.parameters.get("Release")
    if not version:
        raise NotChecked("the stack was deployed without the parameter Release")
    functions = subject.stack.client("lambda")
    deployed = subject.deployment.of_type("AWS::Lambda::Function")
    for name, function in deployed.items():
        live = functions.get_function_configuration(FunctionName=function, Qualifier="live")
        if not live["Description"].endswith(f" {version}"):
            raise Broken(f"{name} is live in {version}", live["Description"])
    return f"{len(deployed)} functions are live in {version}"


def check_workflow_type(subject: Subject) -> str:
    """Executions have the type of the parameter `WorkflowType`, and their states can be read."""
    task, wanted = subject.completed(), subject.parameters["WorkflowType"]
    arn = _arn(task)
    if history.is_express(arn) is not subject.is_express:
        raise Broken(f"a {wanted} execution", arn)
    states = [visit.state for visit in _visits(subject, task)]
    if states != STATES:
        raise Broken(f"{wanted}: {', '.join(STATES)}", ", ".join(states))
    return f"{wanted}: the history shows {len(states)} states"


def check_retries(subject: Subject, unavailable: Outcome) -> str:
    """The retries of a step are visible in the history of its execution, also through the API.

    Args:
        subject: the stack.
        unavailable: the task whose source never answers.
    """
    if isinstance(unavailable, Exception):
        raise unavailable
    found = [visit for visit in _visits(subject, unavailable) if visit.state == "Download"]
    tries = [error for visit in found for error in visit.failures]
    if tries != ["SourceUnavailable"] * DOWNLOAD_TRIES:
        raise Broken(f"SourceUnavailable {DOWNLOAD_TRIES} times in Download", tries)
    answer = subject.request("GET", f"/tasks/{unavailable['taskId']}/history")
    states = answer.json()["states"]
    recorded = [
        t["error"] for state in states if state["name"] == "Download" for t in state["tries"]
    ]
    if recorded != tries:
        raise Broken(f"the same from GET /tasks/ID/history: {tries}", answer.text[:300])
    return f"Download was retried {found[0].retries} times after SourceUnavailable"


def check_trace(subject: Subject) -> str:
    """A request that asks to be traced has one trace, from the API to its execution.

    https://docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html
    """
    if subject.stack.is_local:
        raise NotChecked("the local cloud records no traces")
    subject.completed()
    trace_id = subject.trace_id
    machine = subject.stack.outputs["StateMachineArn"].rpartition(":")[2]
    xray = subject.stack.client("xray")

    def look() -> tuple[str | None, object]:
        traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        documents = [
            json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]
        ]
        names = {str(document.get(key)) for document in documents for key in ("name", "origin")}
        through = "AWS::ApiGateway::Stage" in names and machine in names
        return (", ".join(sorted(names)) if through else None), sorted(names)

    seen = subject.until(f"a trace with the API and {machine}", TRACE_SECONDS, look)
    return f"{trace_id}: {seen}"


def _visits(subject: Subject, task: Task) -> list[Visit]:
    """Return the states of a task's execution when its history is complete."""
    arn = _arn(task)
    since = datetime.datetime.fromisoformat(task["createdAt"])

    def look() -> tuple[list[Visit] | None, object]:
        try:
            visits = history.read(subject.stack, arn, since)
        except history.NoHistory as error:
            return None, error
        complete = bool(visits) and visits[-1].left is not None
        return (visits if complete else None), [visit.state for visit in visits]

    return subject.until("the whole history of the execution", LOG_SECONDS, look)


def _arn(task: Task) -> str:
    if task["execution"] is None:
        raise Broken("an execution", "none")
    return task["execution"]["arn"]
