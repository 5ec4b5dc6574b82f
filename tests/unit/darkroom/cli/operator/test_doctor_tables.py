"""`darkroom doctor` compares the tables of a stack with its template."""

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from darkroom.cli.operator.deployment import Deployment
from darkroom.cli.operator.tables import tables
from darkroom.cli.stack import Stack
from tests.support.project import PROJECT

TEMPLATE = yaml_parse((PROJECT / "template.yaml").read_text())
TABLE = "AWS::DynamoDB::Table"
TABLES = {name for name, made in TEMPLATE["Resources"].items() if made["Type"] == TABLE}


class Cloud(Stack):
    """A stack whose tables match the template, except for `changes` of the table Tasks."""

    changes: dict[str, Any]

    def client(self, _service: str) -> Any:
        return self

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803 - as in boto3
        indexes = TEMPLATE["Resources"][TableName]["Properties"]["GlobalSecondaryIndexes"]
        names = [index["IndexName"] for index in indexes]
        status = dict.fromkeys(names, "ACTIVE")
        if TableName == "Tasks":
            status |= self.changes.get("indexes", {})
        found = [{"IndexName": name, "IndexStatus": state} for name, state in status.items()]
        return {"Table": {"GlobalSecondaryIndexes": [one for one in found if one["IndexStatus"]]}}

    def describe_continuous_backups(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        status = self.changes.get("recovery", "ENABLED") if TableName == "Tasks" else "ENABLED"
        recovery = {"PointInTimeRecoveryStatus": status}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": recovery}}


def findings(endpoint_url: str | None = None, **changes: Any) -> list[tuple[str, str]]:
    cloud = Cloud("https://api", "key", stack_name="prod", endpoint_url=endpoint_url)
    object.__setattr__(cloud, "changes", changes)
    deployment = Deployment(cloud)
    resources = [
        {"LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": TABLE}
        for name in TABLES
    ]
    vars(deployment).update(template=TEMPLATE, _resources=resources)
    return [(found.level, found.message) for found in tables(deployment)]


def test_tables_that_match_the_template_are_reported_as_ok() -> None:
    assert len(TABLES) == 2
    assert findings() == [("ok", "have their indexes and point-in-time recovery")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"indexes": {"active": None}}, ("fail", "Tasks has no index active")),
        (
            {"indexes": {"active": "CREATING"}},
            ("warn", "index active of Tasks is CREATING"),
        ),
        (
            {"indexes": {"old": "ACTIVE"}},
            ("warn", "Tasks has an index old, which is not in the template"),
        ),
        ({"recovery": "DISABLED"}, ("fail", "Tasks has no point-in-time recovery")),
    ],
)
def test_what_differs_from_the_template_is_reported(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert findings(**changes) == [expected]


def test_the_backups_of_a_local_cloud_are_not_checked() -> None:
    local = "http://127.0.0.1:1"
    assert findings(local, recovery="DISABLED") == [("ok", "have their indexes")]
