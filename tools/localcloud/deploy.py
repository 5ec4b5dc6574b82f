"""Deploys template.yaml to the local cloud, through CloudFormation, in a second or two.

It is the template that is deployed to AWS, with two changes. `without_traffic_shifting` removes
gradual deployments, which the local cloud does not support. `localized` packages only the modules
of the functions; libraries come from the project's environment instead of layers.
`tests/integration/release/test_sam.py` deploys the template with the SAM CLI, including the layers.
"""

import base64
import copy
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import yaml_parse

from darkroom.cli.callers.operators_key import operators_key
from tools.build.packages import PROJECT, files, zipped
from tools.localcloud import guard
from tools.localcloud.cloud import LocalCloud, LocalCloudError

ARTIFACTS = "darkroom-artifacts"
STACK_NAME = "darkroom-local"
FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
MACHINE = "AWS::Serverless::StateMachine"
ALARM = "AWS::CloudWatch::Alarm"
PARAMETERS = {"AllowPrivateSources": "true", "Heic": "true"}
"""What a laptop has instead of the defaults: sources at private addresses, and HEIC."""
NEVER_CREATED = {"CREATE_FAILED", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
"""The statuses of a stack that can only be deleted, on AWS and here."""


class DeploymentError(LocalCloudError):
    """CloudFormation refused the stack. The message contains its reasons."""


def deploy(
    cloud: LocalCloud,
    stack_name: str = STACK_NAME,
    parameters: Mapping[str, str] | None = None,
    template: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Create or update a stack; return its description, the content of `.local/stack.json`.

    Args:
        cloud: a running local cloud.
        stack_name: its name; a local cloud can have several stacks.
        parameters: parameters of the template, in addition to `PARAMETERS`. The page of a task
            takes the place of a console by default.
        template: the parsed template.yaml by default.

    Raises:
        DeploymentError: CloudFormation refused the stack.
    """
    page = f"{cloud.endpoint_url}{{task}}"
    parameters = {**PARAMETERS, "ConsoleUrl": page, **(parameters or {})}
    template = template or yaml_parse((PROJECT / "template.yaml").read_text())
    body, artifacts, sources = localized(without_traffic_shifting(template))
    # A pipeline sets this to its commit. Without it, a change of parameters publishes no version.
    everything = json.dumps([body, parameters], sort_keys=True).encode()
    parameters["Release"] = hashlib.sha256(everything).hexdigest()[:10]
    _upload(cloud, artifacts)
    _apply(cloud, stack_name, body, parameters)
    return {**describe(cloud, stack_name), "code": _code(body, sources)}


def _code(template: dict[str, Any], sources: set[Path]) -> dict[str, dict[str, str]]:
    """Return digests of the deployed code, which `darkroom doctor` compares with the current code.

    `functions` contains the CodeSha256 of each function, `files` the SHA-256 of each file of this
    checkout that is part of a function.
    """
    packages = {
        name: base64.b64encode(bytes.fromhex(resource["Properties"]["CodeUri"]["Key"])).decode()
        for name, resource in template["Resources"].items()
        if resource["Type"] == FUNCTION
    }
    files = {
        path.relative_to(PROJECT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(sources)
    }
    return {"functions": packages, "files": files}


def without_traffic_shifting(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without gradual deployments and the resources that only they need.

    The local cloud has no CodeDeploy, and its state machines have no versions and no aliases. So a
    new version is live immediately, executions are started by the machine's own ARN, and the alarms
    that stop a deployment are removed.
    """
    template = copy.deepcopy(template)
    shared, resources = template["Globals"]["Function"], template["Resources"]
    machines: dict[str, str] = {}
    preferences = [shared.pop("DeploymentPreference", None)]
    for name, resource in resources.items():
        if resource["Type"] in {FUNCTION, MACHINE}:
            preferences.append(resource["Properties"].pop("DeploymentPreference", None))
        if resource["Type"] == MACHINE:
            machines[f"{name}Alias{resource['Properties'].pop('AutoPublishAlias', '')}"] = name
    for name in resources.keys() & set(_references(preferences)):
        if resources[name]["Type"] == ALARM and "Metrics" in resources[name]["Properties"]:
            del resources[name]
    return {**template, "Resources": _renamed(resources, machines)}


def _references(value: Any) -> Iterator[str]:
    """Yield the names to which the `Ref`s of a part of a template refer."""
    if isinstance(value, dict) and set(value) == {"Ref"}:
        yield value["Ref"]
    elif isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _references(entry)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a part of a template with each `Ref` to a key of `names` replaced by its value."""
    if isinstance(value, list):
        return [_renamed(entry, names) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return {"Ref": names.get(value["Ref"], value["Ref"])}
    return {key: _renamed(entry, names) for key, entry in value.items()}


def localized(template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes], set[Path]]:
    """Return the template for the local cloud, its artifacts by key, and the functions' files.

    Functions refer to zip files of their own modules, state machines to their definitions. The
    layers are removed, because the functions' interpreter has their packages.
    """
    artifacts: dict[str, bytes] = {}
    sources: set[Path] = set()

    def stored(data: bytes) -> dict[str, str]:
        key = hashlib.sha256(data).hexdigest()
        artifacts[key] = data
        return {"Bucket": ARTIFACTS, "Key": key}

    body = copy.deepcopy(template)
    body["Globals"]["Function"].pop("Layers", None)
    body["Resources"] = {n: r for n, r in body["Resources"].items() if r["Type"] != LAYER}
    for resource in body["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == FUNCTION:
            contents = files(properties["CodeUri"], properties["Handler"])
            sources.update(contents.values())
            properties["CodeUri"] = stored(zipped(contents))
            properties.pop("Layers", None)
        if resource["Type"] == MACHINE:
            definition = (PROJECT / properties["DefinitionUri"]).read_bytes()
            properties["DefinitionUri"] = stored(definition)
    return body, artifacts, sources


def describe(cloud: LocalCloud, stack_name: str) -> dict[str, Any]:
    """Return the URLs, credentials and outputs of a deployed stack."""
    stacks = cloud.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
    key = operators_key(outputs, cloud.client("apigateway"), cloud.client("dynamodb"))
    # The output is https://{api}.execute-api.{region}.amazonaws.com/{stage}, which does not resolve
    # to a laptop.
    host, _, stage = outputs["ApiUrl"].removeprefix("https://").partition("/")
    api_id = host.partition(".")[0]
    credentials = cloud.credentials
    return {
        "apiUrl": f"{cloud.endpoint_url}/_aws/execute-api/{api_id}/{stage}",
        "apiKey": key,
        "endpointUrl": cloud.endpoint_url,
        "savedUrl": f"{cloud.endpoint_url}{guard.SAVED}",
        "accessKeyId": credentials.access_key_id,
        "secretAccessKey": credentials.secret_access_key,
        "region": cloud.region,
        "stackName": stack_name,
        "consoleUrl": None,
        "outputs": outputs,
    }


def can_be_updated(cloudformation: Any, stack_name: str) -> bool:
    """Return whether a stack exists and can be updated. Delete one whose creation has failed.

    Raises:
        WaiterError: it could not be deleted.
    """
    try:
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return False
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    if stack["StackStatus"] not in NEVER_CREATED:
        return True
    cloudformation.delete_stack(StackName=stack_name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_name)
    return False


def _upload(cloud: LocalCloud, artifacts: Mapping[str, bytes]) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    existing = {o["Key"] for o in s3.list_objects_v2(Bucket=ARTIFACTS).get("Contents", [])}
    for key in artifacts.keys() - existing:
        s3.put_object(Bucket=ARTIFACTS, Key=key, Body=artifacts[key])


def _apply(
    cloud: LocalCloud, stack_name: str, body: Mapping[str, Any], parameters: Mapping[str, str]
) -> None:
    cloudformation = cloud.client("cloudformation")
    exists = can_be_updated(cloudformation, stack_name)
    # The template is too long to be part of the request:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    cloud.client("s3").put_object(
        Bucket=ARTIFACTS, Key=f"{stack_name}.json", Body=json.dumps(body).encode()
    )
    answer = cloudformation.create_change_set(
        StackName=stack_name,
        ChangeSetName=f"local-{time.time_ns()}",
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateURL=f"{cloud.endpoint_url}/{ARTIFACTS}/{stack_name}.json",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    change_set = answer["Id"]
    fast = {"Delay": 1, "MaxAttempts": 60}
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change_set, WaiterConfig=fast
        )
    except WaiterError as error:
        change = cloudformation.describe_change_set(ChangeSetName=change_set)
        reason = change.get("StatusReason", "")
        cloudformation.delete_change_set(ChangeSetName=change_set)
        if exists and "didn't contain changes" in reason:
            return
        raise DeploymentError(reason) from error
    cloudformation.execute_change_set(ChangeSetName=change_set)
    waiter = "stack_update_complete" if exists else "stack_create_complete"
    try:
        cloudformation.get_waiter(waiter).wait(StackName=stack_name, WaiterConfig=fast)
    except WaiterError as error:
        raise DeploymentError(_reasons(cloudformation, stack_name)) from error


def _reasons(cloudformation: Any, stack_name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
    failed = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
    return "\n".join(failed) or f"{stack_name} did not become complete."
