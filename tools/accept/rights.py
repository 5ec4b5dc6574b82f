"""The calls to AWS that an acceptance test makes, as `service:Operation` of boto3.

An operator needs these permissions. `infra/pipeline.yaml` gives the pipeline's role exactly these:
tests compare this list with the role and with the calls that a test on the local cloud makes.
"""

EVERYWHERE = frozenset(
    {
        # Read the stack: its parameters, outputs, tags, resources, alarms and repairs.
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "lambda:GetFunctionConfiguration",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricStatistics",
        # Remove what the test has created.
        "dynamodb:DeleteItem",
        "s3:ListObjectsV2",
        "s3:DeleteObject",
    }
)
STANDARD_ONLY = frozenset({"stepfunctions:GetExecutionHistory"})
EXPRESS_ONLY = frozenset({"logs:FilterLogEvents"})
NOT_IN_PROD = frozenset({"stepfunctions:StopExecution"})
AWS_ONLY = frozenset(
    {
        # The key of the stack, or the one that has replaced it.
        "apigateway:GetApiKey",
        "dynamodb:GetItem",
        # The receiver of the webhook: `sites`.
        "lambda:CreateFunction",
        "lambda:CreateFunctionUrlConfig",
        "lambda:AddPermission",
        "lambda:DeleteFunction",
        "xray:BatchGetTraces",
    }
)
"""Calls that are not made for a stack of the local cloud."""
IMPLIED = frozenset({"iam:PassRole"})
"""Permissions that no call of this name needs: CreateFunction passes the role of the page."""
CALLS = EVERYWHERE | STANDARD_ONLY | EXPRESS_ONLY | NOT_IN_PROD | AWS_ONLY
