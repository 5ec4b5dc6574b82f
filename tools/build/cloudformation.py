"""Lint template.yaml as CloudFormation receives it, after the SAM transform.

cfn-lint on the source checks SAM's own types, and nothing of what SAM makes of them: a `DependsOn`
of a resource that SAM does not generate, or a cycle through one that it does, is refused by
CloudFormation only. So the template is translated by the translator that AWS runs, and the result
is linted for several regions. Findings name the line of template.yaml.

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
"""The first, one with other quotas, and one that an account must opt in to."""
IGNORED = (
    "I",  # advice, which the source is given; the output is SAM's to word
    "W2001",  # SAM puts the value of `Release` in the place of each reference to it
)
SETTINGS: tuple[dict[str, str], ...] = ({}, {"WorkflowType": "EXPRESS", "Deployment": "Canary"})
"""Parameters of the stacks that are translated. cfn-lint takes each `If` both ways by itself."""

# Its warnings are of the switches and metrics of the service that AWS runs.
logging.getLogger("samtranslator").setLevel(logging.ERROR)


def translated(
    template: Mapping[str, Any],
    parameters: Mapping[str, str] | None = None,
    region: str = REGIONS[0],
    content: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the whole template that CloudFormation receives from the SAM transform.

    Args:
        template: as `sam package` reads it: code and definitions are local paths.
        parameters: those of the stack that are not the defaults.
        region: in which the transform runs.
        content: what names the package of a layer, function or machine, by its logical id.

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
    """What CloudFormation would refuse, or should not be given."""

    line: int
    """Of the source: of what SAM has made, that of the resource that it was made from."""
    rule: str
    where: str
    """The path in the translated template: `Resources/ApiFunctionAliaslive/UpdatePolicy`."""
    reason: str


def findings(path: Path) -> list[Finding]:
    """Return what is wrong with a SAM template after its translation, by line."""
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
    """Return what is wrong with a CloudFormation template. What was read keeps its lines."""
    config = ConfigMixIn(regions=list(REGIONS))
    return [
        Finding(
            match.linenumber,
            match.rule.id,
            "/".join(map(str, getattr(match, "path", []))),
            # All names that there are would hide the one that is not there.
            re.sub(r" is not one of \[.*\]", " is not there", match.message),
        )
        for match in run_template_by_data(convert_dict(copy.deepcopy(document)), config, _rules())
        if not match.rule.id.startswith(IGNORED)
    ]


def _documents(source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give each different template that SAM makes, in any region, with any of the settings."""
    made: set[str] = set()
    for region, parameters in product(REGIONS, SETTINGS):
        document = translated(source, parameters, region)
        text = json.dumps(document)
        if text not in made:
            made.add(text)
            yield document


@cache
def _rules() -> Any:
    return Runner(ConfigMixIn()).rules


def _with_line(finding: Finding, source: Mapping[str, Any]) -> Finding:
    """Give a finding about what SAM has made the line of the resource that it was made from."""
    _, _, rest = finding.where.partition("Resources/")
    name = rest.partition("/")[0]
    causes = [cause for cause in source["Resources"] if name.startswith(cause)]
    if not causes or name in source["Resources"]:
        return finding
    return replace(finding, line=max(causes, key=len).start_mark.line + 1)


def main(path: Path) -> None:
    """Print what is wrong with a template; exit with 1 if anything is."""
    found = findings(path)
    for finding in found:
        print(f"{path.name}:{finding.line}: {finding.rule} {finding.where}: {finding.reason}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PROJECT / "template.yaml")
