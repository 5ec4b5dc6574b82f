import pytest

from tests.conformance.runs import Runs
from tools.localcloud.cloud import LocalCloud


@pytest.fixture(scope="session")
def runs(cloud: LocalCloud) -> Runs:
    """The executions of all rows, which run at the same time: most of them wait."""
    return Runs(cloud)
