"""Check of `darkroom doctor`: do the tables have what the template gives them?"""

from collections.abc import Iterator, Mapping
from typing import Any

from darkroom.cli.operator.deployment import FAIL, OK, WARN, Deployment, Finding


def tables(deployment: Deployment) -> Iterator[Finding]:
    """Check the indexes of each table, and whether lost data could be restored."""
    dynamodb = deployment.stack.client("dynamodb")
    ill = False
    for name, table in deployment.of_type("AWS::DynamoDB::Table").items():
        wanted = deployment.template["Resources"][name]["Properties"]
        described = dynamodb.describe_table(TableName=table)["Table"]
        findings = list(_indexes(name, wanted, described))
        # A local cloud ignores this property: see docs/aws-differences.md.
        if not deployment.stack.is_local:
            backups = dynamodb.describe_continuous_backups(TableName=table)
            findings += _recovery(name, wanted, backups["ContinuousBackupsDescription"])
        yield from findings
        ill = ill or bool(findings)
    if not ill:
        what = "indexes" if deployment.stack.is_local else "indexes and point-in-time recovery"
        yield Finding(OK, "tables", f"have their {what}")


def _indexes(
    name: str, wanted: Mapping[str, Any], described: Mapping[str, Any]
) -> Iterator[Finding]:
    found = {
        # ministack has no status: its indexes can be read at once.
        index["IndexName"]: index.get("IndexStatus", "ACTIVE")
        for index in described.get("GlobalSecondaryIndexes", [])
    }
    expected = {index["IndexName"] for index in wanted.get("GlobalSecondaryIndexes", [])}
    for index in sorted(expected - found.keys()):
        yield Finding(
            FAIL, "tables", f"{name} has no index {index}", 'See "Upgrade" in docs/maintain.md.'
        )
    for index in sorted(found.keys() - expected):
        advice = 'Delete it, or the next deployment fails: see "A release that adds an index" in '
        message = f"{name} has an index {index}, which is not in the template"
        yield Finding(WARN, "tables", message, f"{advice}docs/deploy.md.")
    for index in sorted(expected & found.keys()):
        if found[index] != "ACTIVE":
            advice = "Wait: while DynamoDB fills it, requests that need it are answered 503."
            yield Finding(WARN, "tables", f"index {index} of {name} is {found[index]}", advice)


def _recovery(
    name: str, wanted: Mapping[str, Any], backups: Mapping[str, Any]
) -> Iterator[Finding]:
    expected = wanted.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    status = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if expected and status != "ENABLED":
        advice = "Turn it on in DynamoDB: without it, lost data cannot be restored."
        yield Finding(FAIL, "tables", f"{name} has no point-in-time recovery", advice)
