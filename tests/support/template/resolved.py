"""What a template is in one stack: parameters and conditions applied, and a name for each resource.

Names and ARNs have the shape that AWS gives them, so that policies can be compared with what they
are about, and lengths with limits. A type that is not in ARNS has to be looked up before a test can
reason about it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

RANDOM = "1A2B3C4D5E6F"
"""What CloudFormation appends to a name that it makes."""
NOTHING = {"Ref": "AWS::NoValue"}

ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudWatch::Dashboard": "cloudwatch::{account}:dashboard/{name}",
    "AWS::CodeDeploy::Application": "codedeploy:{region}:{account}:application:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::OIDCProvider": "iam::{account}:oidc-provider/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::EventSourceMapping": "lambda:{region}:{account}:event-source-mapping:{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "lambda:{region}:{account}:layer:{name}:1",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::XRay::SamplingRule": "xray:{region}:{account}:sampling-rule/{name}",
}
REFERRED_BY_ARN = {
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::OIDCProvider",
    "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
}
"""Types whose `Ref` is their ARN; of the others it is their name."""
NAMES = {
    "AWS::ApiGateway::RestApi": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""Properties that give a resource its name."""
WITHOUT_THE_STACK = {"AWS::Lambda::LayerVersion", "AWS::StepFunctions::StateMachine"}
"""Types that CloudFormation names after the resource alone."""
LENGTHS = {
    "AWS::CodeDeploy::Application": 100,
    "AWS::Events::Rule": 64,
    "AWS::IAM::ManagedPolicy": 128,
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::S3::Bucket": 63,
    "AWS::SQS::Queue": 80,
}
"""Characters that a name of CloudFormation's making has at most: it shortens the stack's part."""
IDENTIFIERS = {
    "AWS::ApiGateway::ApiKey": "a1b2c3d4e5",
    "AWS::ApiGateway::Deployment": "a1b2c3",
    "AWS::ApiGateway::RestApi": "a1b2c3d4e5",
    "AWS::ApiGateway::UsagePlan": "a1b2c3",
    "AWS::KMS::Key": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "AWS::Lambda::EventSourceMapping": "1234abcd-12ab-34cd-56ef-1234567890ab",
}
"""Types that have an identifier of the service's making in the place of a name."""


@dataclass(frozen=True)
class Deployed:
    """A template as one stack has it.

    `parameters` are those that are not the template's defaults.
    """

    template: Mapping[str, Any]
    stack_name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    region: str = "eu-south-2"
    account: str = "123456789012"
    partition: str = "aws"

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose condition is true, without any function of CloudFormation."""
        return {
            name: self.value({key: resource[key] for key in resource if key != "Condition"})
            for name, resource in self.template["Resources"].items()
            if self.holds(resource)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def holds(self, part: Mapping[str, Any]) -> bool:
        """Whether the condition of a resource or output is true; without one, it is."""
        name = part.get("Condition")
        return name is None or self.value(self.template["Conditions"][name]) is True

    def name(self, logical_id: str) -> str:
        """The name, or identifier, that a resource has in the service."""
        resource = self.template["Resources"][logical_id]
        kind = resource["Type"]
        properties = resource.get("Properties", {})
        if given := properties.get(NAMES.get(kind, "")):
            return str(self.value(given))
        if kind == "AWS::XRay::SamplingRule":
            return str(self.value(properties["SamplingRule"]["RuleName"]))
        if kind in IDENTIFIERS:
            return IDENTIFIERS[kind]
        if kind in WITHOUT_THE_STACK:
            return f"{logical_id}-{RANDOM}"
        rest = f"-{logical_id}-{RANDOM}"
        made = self.stack_name[: LENGTHS.get(kind, 255) - len(rest)] + rest
        return made.lower() if kind == "AWS::S3::Bucket" else made

    def arn(self, logical_id: str) -> str:
        """The ARN of a resource.

        Raises:
            KeyError: its type is not in ARNS.
        """
        resource = self.template["Resources"][logical_id]
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::Version" | "AWS::Lambda::Alias" as kind:
                qualifier = properties["Name"] if kind.endswith("Alias") else "1"
                return f"{self.arn(properties['FunctionName']['Ref'])}:{qualifier}"
            case "AWS::StepFunctions::StateMachineVersion":
                return f"{self.value(properties['StateMachineArn'])}:1"
            case "AWS::StepFunctions::StateMachineAlias":
                version = properties["DeploymentPreference"]["StateMachineVersionArn"]
                machine = str(self.value(version)).rpartition(":")[0]
                return f"{machine}:{properties['Name']}"
            case "AWS::CodeDeploy::DeploymentGroup":
                application = self.value(properties["ApplicationName"])
                group = f"{application}/{self.name(logical_id)}"
                return self._arn(f"codedeploy:{self.region}:{self.account}:deploymentgroup:{group}")
            case kind:
                place = {"region": self.region, "account": self.account}
                return self._arn(ARNS[kind].format(name=self.name(logical_id), **place))

    def _arn(self, rest: str) -> str:
        return f"arn:{self.partition}:{rest}"

    # ── The functions of CloudFormation ──────────────────────────────────────────────────────────
    def value(self, part: Any) -> Any:
        """A part of the template with its functions applied."""
        if isinstance(part, list):
            return [self.value(entry) for entry in part if self._there(entry)]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            (function, argument), *_ = part.items()
            if function == "Ref" or function.startswith("Fn::"):
                return getattr(self, "_" + function.removeprefix("Fn::").lower())(argument)
        return {key: self.value(entry) for key, entry in part.items() if self._there(entry)}

    def _if(self, branches: list[Any]) -> Any:
        condition, yes, no = branches
        return self.value(yes if self.holds({"Condition": condition}) else no)

    def _equals(self, values: list[Any]) -> bool:
        one, other = self.value(values)
        return str(one) == str(other)

    def _not(self, conditions: list[Any]) -> bool:
        return not self.value(conditions[0])

    def _join(self, arguments: list[Any]) -> str:
        by, parts = arguments
        return str(by).join(map(str, self.value(parts)))

    def _split(self, arguments: list[Any]) -> list[str]:
        by, text = arguments
        return str(self.value(text)).split(by)

    def _select(self, arguments: list[Any]) -> Any:
        index, parts = arguments
        return self.value(parts)[int(index)]

    def _findinmap(self, keys: list[Any]) -> Any:
        name, top, second = self.value(keys)
        return self.template["Mappings"][name][top][second]

    def _there(self, entry: Any) -> bool:
        if isinstance(entry, dict) and set(entry) == {"Fn::If"}:
            condition, yes, no = entry["Fn::If"]
            return self._there(yes if self.holds({"Condition": condition}) else no)
        return bool(entry != NOTHING)

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self._arn(
                f"cloudformation:{self.region}:{self.account}:stack/{self.stack_name}/"
                "1234abcd-12ab-34cd-56ef-1234567890ab"
            ),
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.template.get("Parameters", {}):
            default = self.template["Parameters"][name].get("Default", "")
            return self.parameters.get(name, default)
        resource = self.template["Resources"][name]
        match resource["Type"]:
            case "AWS::SQS::Queue":
                host = f"https://sqs.{self.region}.amazonaws.com"
                return f"{host}/{self.account}/{self.name(name)}"
            case "AWS::ApiGateway::Stage":
                return resource["Properties"]["StageName"]
            case kind if kind in REFERRED_BY_ARN or kind not in ARNS | IDENTIFIERS:
                return self.arn(name)
        return self.name(name)

    def _getatt(self, where: str | list[Any]) -> Any:  # noqa: PLR0911 - one an attribute
        name, attribute = where.split(".", 1) if isinstance(where, str) else self.value(where)
        kind = self.template["Resources"][name]["Type"]
        match attribute:
            case "Arn" if kind == "AWS::Logs::LogGroup":
                return f"{self.arn(name)}:*"  # and its streams
            case "Arn" | "StateMachineArn":
                return self.arn(name)
            case "Name" | "QueueName" | "TopicName":
                return self.name(name)
            case "Version" | "StateMachineRevisionId":
                return "1"
            case "StreamArn":
                return f"{self.arn(name)}/stream/2026-11-25T00:00:00.000"
            case "DomainName" if kind == "AWS::S3::Bucket":
                return f"{self.name(name)}.s3.amazonaws.com"
            case "RegionalDomainName" if kind == "AWS::S3::Bucket":
                return f"{self.name(name)}.s3.{self.region}.amazonaws.com"
        raise NotImplementedError(f"{kind}: {attribute}")

    def _sub(self, text: str | list[Any]) -> str:
        own: Mapping[str, Any] = {}
        if isinstance(text, list):
            text, own = text

        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.value(own[name]))
            return str(self._getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put, text)


def strings(part: Any) -> Iterator[str]:
    """Yield every text in a part of a template."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for entry in part.values() if isinstance(part, dict) else part:
            yield from strings(entry)


def compact(part: Any) -> str:
    """Write a policy or body as the limits of AWS count it: without white space."""
    return json.dumps(part, separators=(",", ":"))
