"""Lint template.yaml as CloudFormation receives it, after the SAM transform.

On the source, cfn-lint checks SAM's types but not the resources that SAM generates. So only
CloudFormation would refuse a `DependsOn` on a resource that SAM does not generate, or a cycle
through one that it does. Therefore the template is translated by the translator that AWS runs, and
the result is linted for several regions. Findings name the line of template.yaml.

    python -m tools.build.cloudformation [TEMPLATE]
"""

import copy
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import boto3
from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode
from cfnlint.decode.utils import convert_dict
from cfnlint.runner import Runner, run_template_by_data
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tools.build.packages import PROJECT

REGIONS = ("us-east-1", "eu-central-1", "eu-south-2")
"""The default, one with other quotas, and one that an account must opt in to."""
IGNORED = (
    "I",  # advice: the source is checked for it, and SAM's output is not ours to change
    "W2001",  # an unused parameter: SAM replaces each reference to `Release` by its value
)
SETTINGS: tuple[dict[str, str], ...] = ({}, {"WorkflowType": "EXPRESS", "Deployment": "Canary"})
"""Parameters of the stacks that are translated. cfn-lint itself tries both ways of each `If`."""

# The translator's warnings are about feature switches and metrics of AWS's own service.
logging.getLogger("samtranslator").setLevel(logging.ERROR)


def translated(
    template: Mapping[str, Any],
    parameters: Mapping[str, str] | None = None,
    region: str = REGIONS[0],
    content: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the template that CloudFormation receives from the SAM transform.

    Args:
        template: as `sam package` reads it: code and definitions are local paths.
        parameters: of the stack, if not the defaults.
        region: where the transform runs.
        content: the package name of a layer, function or state machine, by its logical id.

    Raises:
        InvalidDocumentException: SAM refuses the template.
    """
    packaged = copy.deepcopy(dict(template))
    for name, resource in packaged["Resources"].items():
        for uri in {"CodeUri", "ContentUri", "DefinitionUri"} & resource["Properties"].keys():
            resource["Properties"][uri] = f"s3://bucket/{(content or {}).get(name, 'first')}"
    session = boto3.Session(region_name=region)
    result: dict[str, Any] = Translator({}, Parser(), boto_session=session).translate(
        packaged, dict(parameters or {})
    )
    return result


@dataclass(frozen=True, order=True)
class Finding:
    """Something that CloudFormation would refuse, or that cfn-lint warns of."""

    line: int
    """In the source. For a generated resource, the line of the resource that SAM made it from."""
    rule: str
    where: str
    """Path in the translated template: `Resources/ApiFunctionAliaslive/UpdatePolicy`."""
    reason: str


def findings(path: Path) -> list[Finding]:
    """Return the findings for a SAM template after its translation, sorted by line."""
    source, errors = decode(str(path))
    if source is None:
        return [Finding(error.linenumber, error.rule.id, "", error.message) for error in errors]
    found: set[Finding] = set()
    try:
        for document in _documents(source):
            found |= {_with_line(finding, source) for finding in violations(document)}
    except InvalidDocumentException as error:
        return [Finding(1, "SAM", "", cause.message) for cause in error.causes]
    return sorted(found)


def violations(document: Mapping[str, Any]) -> list[Finding]:
    """Return the findings for a CloudFormation template; those in the source have their lines."""
    config = ConfigMixIn(regions=list(REGIONS))
    return [
        Finding(
            match.linenumber,
            match.rule.id,
            "/".join(map(str, getattr(match, "path", []))),
            # The list of all valid names would hide the invalid one.
            re.sub(r" is not one of \[.*\]", " is not there", match.message),
        )
        for match in run_template_by_data(convert_dict(copy.deepcopy(document)), config, _rules())
        if not match.rule.id.startswith(IGNORED)
    ]


def _documents(source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each distinct template that SAM generates, for all regions and settings."""
    seen: set[str] = set()
    for region, parameters in product(REGIONS, SETTINGS):
        document = translated(source, parameters, region)
        text = json.dumps(document)
        if text not in seen:
            seen.add(text)
            yield document


@cache
def _rules() -> Any:
    return Runner(ConfigMixIn()).rules


def _with_line(finding: Finding, source: Mapping[str, Any]) -> Finding:
    """Return a finding about a generated resource with the line of its source resource."""
    _, _, rest = finding.where.partition("Resources/")
    name = rest.partition("/")[0]
    sources = [resource for resource in source["Resources"] if name.startswith(resource)]
    if not sources or name in source["Resources"]:
        return finding
    return replace(finding, line=max(sources, key=len).start_mark.line + 1)


def main(path: Path) -> None:
    """Print the findings for a template; exit with 1 if there are any."""
    found = findings(path)
    for finding in found:
        print(f"{path.name}:{finding.line}: {finding.rule} {finding.where}: {finding.reason}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PROJECT / "template.yaml")
