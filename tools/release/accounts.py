"""Where a stage is deployed: an AWS account, or a local cloud in its place."""

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
from tools.localcloud.deploy import describe, without_traffic_shifting


@dataclass(frozen=True)
class Account:
    """The outputs of `infra/pipeline.yaml` for a stage. The environment has the credentials."""

    region: str
    bucket: str
    """Holds packages, also those of earlier releases, for a roll back."""
    role: str
    """ARN of the role that CloudFormation uses to change the stack."""
    boundary: str
    """ARN of the permissions boundary of the stack's roles."""

    def environment(self) -> Mapping[str, str]:
        """Return the environment for the SAM CLI."""
        return os.environ

    def client(self, service: str) -> Any:
        """Make a boto3 client of the account."""
        return boto3.client(service, region_name=self.region)

    def template(self, build: Path) -> Path:
        """Return the template to deploy from the folder of `sam build`."""
        return build / "template.yaml"

    def stack(self, name: str) -> Stack:
        """Return a deployed stack's URL, API key and outputs.

        Raises:
            NoStack: it does not exist, or cannot be read.
        """
        return deployed(name, self.region)


@dataclass(frozen=True)
class LocalAccount(Account):
    """A local cloud. It does not shift traffic gradually: new versions are live at once."""

    cloud: LocalCloud

    def environment(self) -> Mapping[str, str]:
        """Return the environment for the SAM CLI: the local cloud's endpoint and short waits."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.cloud.endpoint_url,
            **self.cloud.credentials.environment,
            "SAM_CLI_POLL_DELAY": "0.5",
        }

    def client(self, service: str) -> Any:
        """Make a boto3 client of the local cloud."""
        return self.cloud.client(service)

    def template(self, build: Path) -> Path:
        """Write a template for the local cloud beside the built one, and return its path."""
        local = build / "template-local.json"
        built = yaml_parse((build / "template.yaml").read_text())
        local.write_text(json.dumps(without_traffic_shifting(built)))
        return local

    def stack(self, name: str) -> Stack:
        """Return the URL, API key and outputs of a stack of the local cloud."""
        return from_description(describe(self.cloud, name))


def account_of_environment() -> Account:
    """Return the account from the variables of a GitHub environment.

    Raises:
        KeyError: a variable is not set; see docs/deploy.md.
    """
    return Account(
        region=os.environ["AWS_REGION"],
        bucket=os.environ["ARTIFACTS_BUCKET"],
        role=os.environ["CLOUDFORMATION_ROLE"],
        boundary=os.environ["PERMISSIONS_BOUNDARY"],
    )
