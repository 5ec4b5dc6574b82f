"""`make bench` can build and start everything. How fast is in `docs/performance.md`."""

import pytest
from samtranslator.yaml_helper import yaml_parse

from tools.bench.packages import BASELINE
from tools.bench.start import tables
from tools.localcloud.cloud import PROJECT

pytestmark = pytest.mark.timeout(1200)


def test_the_start_of_every_function_and_the_size_of_every_package_are_measured():
    starts, spent, sizes = tables(quick=True)

    resources = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"]
    kinds = {name: resource["Type"] for name, resource in resources.items()}
    functions = {name for name in kinds if kinds[name] == "AWS::Serverless::Function"}
    layers = {name for name in kinds if kinds[name] == "AWS::Serverless::LayerVersion"}
    assert {row[0] for row in sizes.rows} == functions | layers | {BASELINE}
    assert {f"{row[0]}Function" for row in starts.rows if row[0] != BASELINE} == functions
    assert [row[0] for row in spent.rows] == [row[0] for row in starts.rows if row[0] != BASELINE]
    assert starts.bars[BASELINE] == 1.0
