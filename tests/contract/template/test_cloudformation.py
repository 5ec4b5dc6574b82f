"""`make lint` finds what CloudFormation would refuse in the translated template."""

import pytest
import yaml

from tests.support.project import PROJECT
from tools.build.cloudformation import REGIONS, findings

SOURCE = (PROJECT / "template.yaml").read_text()
KEY = """  ApiKey:
    Type: AWS::ApiGateway::ApiKey
"""
STAGE = """        - { Name: Stage, Value: v1 }
"""
QUEUE = """  TaskQueue:
    Type: AWS::SQS::Queue
"""
VERSION = "UploadFunctionArn: !Ref UploadFunction.Version"
CANARY = "!If [Gradual, [!Ref NewExecutionsFail, !Ref ApiBreaks], !Ref AWS::NoValue]"
FAULTS = {
    "a resource that SAM does not generate": (
        KEY,
        f"{KEY}    DependsOn: ApiStage\n",
        "DependsOn: ApiStage",
        "E3005",
    ),
    "a version by an attribute that it has not": (
        VERSION,
        VERSION.replace("!Ref UploadFunction.Version", "!GetAtt UploadFunction.Version.Name"),
        "UploadFunction.Version.Name",
        "E1010",
    ),
    "an alias of another name": (
        "!Ref TaskStateMachineAliaslive",
        "!Ref TaskStateMachineAliasprod",
        "TaskStateMachineAliasprod",
        "E1020",
    ),
    "a cycle through the alias of a canary": (
        STAGE,
        STAGE.replace("v1", "!Ref Api.Stage"),
        "  ApiBreaks:",
        "E3004",
    ),
    "a cycle through generated resources in any case": (
        QUEUE,
        f"{QUEUE}    DependsOn: DispatchFunctionAliaslive\n",
        "  TaskQueue:",
        "E3004",
    ),
}


def test_nothing_is_wrong_with_the_template_after_its_translation():
    assert len(REGIONS) == 3
    assert findings(PROJECT / "template.yaml") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_its_line_named(fault, tmp_path):
    good, bad, line, rule = FAULTS[fault]
    assert SOURCE.count(good) == 1
    path = tmp_path / "template.yaml"
    path.write_text(SOURCE.replace(good, bad))
    found = findings(path)
    lines = {finding.line for finding in found if finding.rule == rule}
    numbered = enumerate(path.read_text().splitlines(), 1)
    wanted = {number for number, text in numbered if line in text}
    assert lines & wanted, found


def test_the_template_of_the_pipeline_needs_no_tool_that_resolves_aliases():
    nodes = yaml.parse((PROJECT / "infra" / "pipeline.yaml").read_text())
    repeated = [
        node
        for node in nodes
        if isinstance(node, yaml.AliasEvent) or getattr(node, "value", None) == "<<"
    ]
    assert repeated == []
