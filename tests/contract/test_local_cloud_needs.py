"""The template and the state machines use nothing that the local cloud lacks."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.project import PROJECT

# What ministack ignores, does wrong or does not know, so that it cannot be tested here: fields of
# states, integrations of Task states, properties and types of resources.
NOT_OF_STATES = {
    "HeartbeatSeconds",
    "HeartbeatSecondsPath",
    "ResultWriter",
    "TimeoutSecondsPath",
    "Timestamp",
}
NOT_OF_TASKS = re.compile(r"\.sync|http:invoke|apigateway:invoke|aws-sdk:s3:(get|put)Object")
NOT_OF_RESOURCES = {
    "AccessLogSetting",
    "BinaryMediaTypes",
    "Cors",
    "MaximumBatchingWindowInSeconds",
    "Models",
    "OnSuccess",
    "RequestModel",
    "RequestParameters",
}
NOT_OF_TEMPLATES = re.compile(
    "AWS::(Serverless::HttpApi|Pipes::Pipe)|:scheduler:::aws-sdk:|dynamodb:LeadingKeys"
)


def test_template_and_machines_need_nothing_that_the_local_cloud_lacks(template: dict[str, Any]):
    machines = [
        json.loads(path.read_text()) for path in (PROJECT / "statemachine").glob("*.asl.json")
    ]

    assert machines
    for machine in machines:
        found = list(pairs(machine))
        assert NOT_OF_STATES & {key for key, _ in found} == set()
        assert {value for key, value in found if key == "QueryLanguage"} == {"JSONata"}
        assert [v for k, v in found if k == "TimeoutSeconds" and not isinstance(v, int)] == []
        assert [v for k, v in found if k == "Resource" and NOT_OF_TASKS.search(v)] == []
    assert NOT_OF_RESOURCES & {key for key, _ in pairs(template)} == set()
    assert NOT_OF_TEMPLATES.findall(json.dumps(template)) == []


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    for entry in value.values() if isinstance(value, dict) else as_list(value):
        if isinstance(entry, dict | list):
            yield from pairs(entry)
