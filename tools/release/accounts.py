"""Where a stage is deployed: an AWS account, or a local cloud that stands for one."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from samtranslator.yaml_helper import yaml_parse

from darkroom.cli.stack import Stack, deployed, from_description
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import at_once, describe


@dataclass(frozen=True)
class Account:
    """What `bootstrap.yaml` has made for a stage. Credentials are the environment's."""

    region: str
    bucket: str
    """For packages; those of releases that may be gone back to stay in it."""
    role: str
    """ARN of the role by which CloudFormation changes the stack."""
    boundary: str
    """ARN of the policy that bounds the roles of the stack."""

    def environment(self) -> Mapping[str, str]:
        """Return what the SAM CLI needs in its environment."""
        return os.environ

    def client(self, service: str) -> Any:
        """Make a boto3 client of the account."""
        return boto3.client(service, region_name=self.region)

    def template(self, build: Path) -> Path:
        """Return the template to deploy of what `sam build` has made."""
        return build / "template.yaml"

    def stack(self, name: str) -> Stack:
        """Return how to reach a stack that is deployed.

        Raises:
            NoStack: it is not there, or cannot be read.
        """
        return deployed(name, self.region)


@dataclass(frozen=True)
class LocalAccount(Account):
    """A local cloud, which shifts no traffic: new versions are live at once."""

    cloud: LocalCloud

    def environment(self) -> Mapping[str, str]:
        """Return what the SAM CLI needs to speak to the local cloud, and not to wait for it."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.cloud.endpoint_url,
            **self.cloud.credentials.environment,
            "SAM_CLI_POLL_DELAY": "0.5",
        }

    def client(self, service: str) -> Any:
        """Make a boto3 client of the local cloud."""
        return self.cloud.client(service)

    def template(self, build: Path) -> Path:
        """Write the template that the local cloud can deploy beside the one that was built."""
        local = build / "template-local.json"
        local.write_text(json.dumps(at_once(yaml_parse((build / "template.yaml").read_text()))))
        return local

    def stack(self, name: str) -> Stack:
        """Return how to reach a stack of the local cloud."""
        return from_description(describe(self.cloud, name))


def account_of_environment() -> Account:
    """Return the account that the variables of a GitHub environment name.

    Raises:
        KeyError: one of them is not set; see docs/deploy.md.
    """
    return Account(
        region=os.environ["AWS_REGION"],
        bucket=os.environ["ARTIFACTS_BUCKET"],
        role=os.environ["CLOUDFORMATION_ROLE"],
        boundary=os.environ["PERMISSIONS_BOUNDARY"],
    )
