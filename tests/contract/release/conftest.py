"""A stage of the pipeline: the bootstrap stack of its account, and its own stack."""

from typing import Any

import pytest

from tests.support.template.resolved import Deployed
from tools.release.stages import stages


@pytest.fixture(scope="module", params=list(stages()))
def stage(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def account(bootstrap: dict[str, Any], stage: str) -> Deployed:
    """What infra/pipeline.yaml creates for a stage."""
    parameters = {"Stage": stage, "Repository": "owner/name"}
    return Deployed(bootstrap, f"darkroom-pipeline-{stage}", parameters)


@pytest.fixture(scope="module")
def stack(document: dict[str, Any], account: Deployed, stage: str) -> Deployed:
    """The stack of a stage, with everything that a parameter can add."""
    parameters = {
        "AlarmEmail": "someone@example.com",
        "Deployment": "Canary",
        "Heic": "true",
        "PermissionsBoundary": account.arn("Boundary"),
    }
    found = Deployed(document, stages()[stage].stack_name, parameters)
    assert found.resources.keys() == document["Resources"].keys()
    return found
