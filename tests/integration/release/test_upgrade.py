"""The tables of an earlier release are upgraded by a later one, and lose nothing."""

import copy
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources
from tests.support.project import PROJECT
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

STACK = "upgraded"
INDEX = "owner-createdAt"


def test_batches_of_a_release_without_their_index_are_listed_after_the_upgrade(
    cloud: LocalCloud, sources: Sources
):
    with Stack(cloud, deploy(cloud, STACK, template=without_the_index())) as stack:
        assert indexes(stack) == {"active"}
        batch = Batches(stack).submit([sources.url("/colour.png")])
        Batches(stack).ended(batch)

    with Stack(cloud, deploy(cloud, STACK)) as stack:
        assert indexes(stack) == {"active", INDEX}
        answer = stack.http.get("/batches")

    assert answer.status_code == 200, answer.text
    [listed] = answer.json()["batches"]
    assert (listed["batchId"], listed["status"]) == (batch["batchId"], "COMPLETED")


def without_the_index() -> dict[str, Any]:
    """The template of a release before `GET /batches`."""
    template = copy.deepcopy(yaml_parse((PROJECT / "template.yaml").read_text()))
    table = template["Resources"]["Batches"]["Properties"]
    table["GlobalSecondaryIndexes"] = [
        index for index in table["GlobalSecondaryIndexes"] if index["IndexName"] != INDEX
    ]
    keys = {"batchId", "active", "updatedAt"}
    table["AttributeDefinitions"] = [
        each for each in table["AttributeDefinitions"] if each["AttributeName"] in keys
    ]
    return template


def indexes(stack: Stack) -> set[str]:
    """The indexes of the table of batches."""
    found = stack.table("BatchTableName").global_secondary_indexes
    return {index["IndexName"] for index in found}
