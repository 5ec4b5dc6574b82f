"""The calls of CloudFormation for each resource of the stack, and those that this stack never
needs.

The permissions are those that the registry schema of a type names for its create, read, update and
delete handlers, and for its tags. cfn-lint ships the schemas.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

import re
from collections.abc import Iterator

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.support.template.policies import action
from tests.support.template.resolved import Deployed

UNUSED = {
    "AWS::ApiGateway::RestApi": {"BodyS3Location": {"s3:GetObject"}},
    "AWS::CodeDeploy::DeploymentGroup": {
        "OnPremisesInstanceTagFilters": {"codedeploy:RegisterOnPremisesInstance"},
    },
    "AWS::DynamoDB::Table": {
        "ImportSourceSpecification": {
            "dynamodb:DescribeImport",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            "logs:PutRetentionPolicy",
            "s3:GetObject",
            "s3:GetObjectMetadata",
            "s3:ListBucket",
        },
        "KinesisStreamSpecification": {
            "iam:CreateServiceLinkedRole",
            "kinesis:DescribeStream",
            "kinesis:PutRecords",
        },
        "SSESpecification": {
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:ListAliases",
            "kms:RevokeGrant",
        },
    },
    "AWS::Events::Rule": {"RoleArn": {"iam:PassRole"}},
    "AWS::IAM::ManagedPolicy": {
        "Groups": {"iam:AttachGroupPolicy", "iam:DetachGroupPolicy"},
        "Users": {"iam:AttachUserPolicy", "iam:DetachUserPolicy"},
    },
    "AWS::Lambda::EventSourceMapping": {"KmsKeyArn": {"kms:Decrypt", "kms:GenerateDataKey"}},
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": {"lambda:PassCapacityProvider"},
        "CodeSigningConfigArn": {"lambda:GetCodeSigningConfig"},
        "FileSystemConfigs": {
            "elasticfilesystem:DescribeMountTargets",
            "s3files:ListMountTargets",
        },
        "KmsKeyArn": {"kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"},
        "VpcConfig": {
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        },
    },
    "AWS::Logs::LogGroup": {
        "FieldIndexPolicies": {"logs:DeleteIndexPolicy", "logs:PutIndexPolicy"},
        "ResourcePolicyDocument": {"logs:DeleteResourcePolicy"},
    },
    "AWS::S3::Bucket": {
        "MetadataTableConfiguration": {"s3tables:*"},
        "ReplicationConfiguration": {"iam:PassRole"},
    },
    "AWS::SNS::Subscription": {"SubscriptionRoleArn": {"iam:GetRole", "iam:PassRole"}},
    "AWS::SNS::Topic": {"DeliveryStatusLogging": {"iam:GetRole", "iam:PassRole"}},
    "AWS::StepFunctions::StateMachine": {
        "EncryptionConfiguration": {"kms:Decrypt", "kms:GenerateDataKey"},
    },
}
"""What a handler calls only for a property: not needed while no resource of the type has that."""
WITHHELD = {
    "AWS::ApiGateway::RestApi": {
        # For an integration with `credentials` in its body. Ours invokes functions, by Permission.
        "iam:PassRole",
    },
    "AWS::IAM::Role": {
        # A role without its boundary could do anything. The pipeline never removes a boundary.
        "iam:DeleteRolePermissionsBoundary",
    },
    "AWS::Logs::LogGroup": {
        # For the delivery of logs to Firehose and S3; the handler itself has no such call.
        "firehose:TagDeliveryStream",
        "s3:REST.PUT.OBJECT",
    },
}
PASSED_TO = {
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
    "AWS::Lambda::Function": "lambda.amazonaws.com",
    "AWS::StepFunctions::StateMachine": "states.amazonaws.com",
}


def called(kind: str) -> set[str]:
    """Return the permissions that the handlers of a type need, in any region.

    Raises:
        KeyError: the schema has no handlers, so our own table is needed.
    """
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    handlers = [handler for name, handler in schema["handlers"].items() if name != "list"]
    tagging = schema.get("tagging", {})
    return {
        permission
        for part in [*handlers, *([tagging] if tagging.get("taggable") else [])]
        for permission in part.get("permissions", [])
    }


def about(stack: Deployed, logical_id: str) -> list[str]:
    """Return the ARNs of what the handlers of a resource act upon."""
    resource = stack.template["Resources"][logical_id]
    kind, properties = resource["Type"], stack.value(resource.get("Properties", {}))
    place = f"{stack.region}:{stack.account}"
    if kind.startswith("AWS::ApiGateway::"):
        found = [f"apigateway:{stack.region}::{path}" for path in _paths(kind.rpartition(":")[2])]
        return [f"arn:{stack.partition}:{arn}" for arn in found]
    match kind:
        case "AWS::Lambda::Permission":
            found = [properties["FunctionName"]]
        case "AWS::Lambda::Version" | "AWS::Lambda::Alias" | "AWS::Lambda::LayerVersion":
            found = [stack.arn(logical_id), stack.arn(logical_id).rpartition(":")[0]]
        case "AWS::Logs::LogGroup":
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
            found = [stack.arn(logical_id), f"{stack.arn(logical_id)}:*"]
        case "AWS::S3::Bucket":
            found = [stack.arn(logical_id), f"{stack.arn(logical_id)}/key"]
        case "AWS::S3::BucketPolicy":
            found = [f"arn:{stack.partition}:s3:::{properties['Bucket']}"]
        case "AWS::SNS::Subscription":
            found = [properties["TopicArn"]]
        case "AWS::SNS::TopicPolicy":
            found = properties["Topics"]
        case "AWS::SQS::QueuePolicy":
            queues = [url.rpartition("/")[2] for url in properties["Queues"]]
            found = [f"arn:{stack.partition}:sqs:{place}:{queue}" for queue in queues]
        case _:
            found = [stack.arn(logical_id)]
    return found


def _paths(kind: str) -> list[str]:
    """Return where API Gateway keeps what is of a type.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-manage-apis.html
    """
    return {
        "ApiKey": ["/apikeys", "/apikeys/k"],
        "Deployment": ["/restapis/a/deployments", "/restapis/a/deployments/d"],
        "RestApi": ["/restapis", "/restapis/a", "/tags/arn%3Aaws%3Aapigateway"],
        "Stage": ["/restapis/a/stages", "/restapis/a/stages/v1", "/tags/arn%3Aaws%3Aapigateway"],
        "UsagePlan": ["/usageplans", "/usageplans/u", "/tags/arn%3Aaws%3Aapigateway"],
        "UsagePlanKey": ["/usageplans/u/keys", "/usageplans/u/keys/k"],
    }[kind]


def needed(stack: Deployed, logical_id: str, others: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each action that a resource needs, with its ARN; `*` if it has none.

    `others` are the ARNs of what else a handler may act upon: roles to pass, packages to fetch.
    """
    kind = stack.template["Resources"][logical_id]["Type"]
    own = about(stack, logical_id)
    for name in sorted(called(kind)):
        if is_exempt(kind, name):
            continue
        known = action(name)
        if name.startswith("apigateway:") or known is None:
            targets = own
        elif not known.kinds:
            targets = ["*"]
        else:
            targets = [arn for arn in own if _is_one_of(arn, known.kinds)]
            targets = targets or [arn for arn in others if _is_one_of(arn, known.kinds)]
        # An action on something that the stack does not have should be in UNUSED.
        yield from ((name, arn) for arn in targets or ["?"])


def is_exempt(kind: str, name: str) -> bool:
    """Whether UNUSED or WITHHELD says that an action is not needed."""
    unused = {pattern for patterns in UNUSED.get(kind, {}).values() for pattern in patterns}
    service = name.partition(":")[0]
    return bool({name, f"{service}:*"} & (unused | WITHHELD.get(kind, set())))


def _is_one_of(arn: str, formats: frozenset[str]) -> bool:
    return any(
        re.fullmatch(re.sub(r"\\?\$\\?\{\w+\\?\}", ".*", re.escape(f)), arn) for f in formats
    )
