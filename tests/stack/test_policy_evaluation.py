"""The evaluator of IAM policies that the local AWS enforces roles with: ministack's, behind tools/policy_evaluation.py.

The rows are AWS's rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from typing import Any

import pytest
from needed_permissions import Permission, Place, UnknownCall, needed_permissions
from policy_evaluation import NotSupported, granted_actions, refusal

PLACE = Place("111122223333", "eu-central-1")
CALLER = "arn:aws:sts::111122223333:assumed-role/role/function"
DOCUMENT = "arn:aws:ssm:eu-central-1:111122223333:document/preferences"
GET = Permission("ssm:GetDocument", DOCUMENT, document="preferences")


def allow(
    action: Any = "ssm:GetDocument", resource: Any = DOCUMENT, effect: str = "Allow", **condition: Any
) -> dict[str, Any]:
    """A policy of one statement; a condition is written as operator=(key, value)."""
    statement: dict[str, Any] = {"Effect": effect, "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = {
            operator.replace("__", ":"): {key: value} for operator, (key, value) in condition.items()
        }
    return {"Version": "2012-10-17", "Statement": [statement]}


def deny(**given: Any) -> dict[str, Any]:
    return allow(effect="Deny", **given)


TYPE, ORIGIN, REQUEST = "ssm:DocumentType", "aws:ResourceTag/app:origin", "aws:RequestTag/app:origin"


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        ([], False),
        ([allow()], True),
        ([allow(action=["s3:GetObject", "ssm:getdocument"])], True),
        ([allow(action="ssm:Get*")], True),
        ([allow(action="ssm:GetDocumen?")], True),
        ([allow(action="ssm:UpdateDocument")], False),
        ([allow(resource="*")], True),
        ([allow(resource="arn:aws:ssm:*:*:document/*")], True),
        ([allow(resource="arn:aws:ssm:eu-central-1:111122223333:document/Preferences")], False),
        ([allow(resource=["arn:aws:ssm:eu-central-1:111122223333:document/other", DOCUMENT])], True),
        ([allow(), deny(action="ssm:*", resource="*")], False),
        ([deny(action="ssm:DeleteDocument"), allow()], True),
        ([allow(StringEquals=(TYPE, "Session"))], True),
        ([allow(StringEquals=(TYPE, ["Command", "Session"]))], True),
        ([allow(StringEquals=(TYPE, "session"))], False),
        ([allow(StringEqualsIgnoreCase=(TYPE, "session"))], True),
        ([allow(StringNotEquals=(TYPE, ["Command", "Session"]))], False),
        ([allow(StringLike=(TYPE, "Ses*"))], True),
        ([allow(StringNotLike=(TYPE, "Ses*"))], False),
        ([allow(StringEquals=(ORIGIN, "created"))], True),
        ([allow(StringEquals=(ORIGIN, "adopted"))], False),
        ([allow(StringEquals=("aws:ResourceTag/absent", "created"))], False),
        ([allow(StringNotEquals=("aws:ResourceTag/absent", "created"))], True),
        ([allow(StringEqualsIfExists=("aws:ResourceTag/absent", "created"))], True),
        ([allow(StringEqualsIfExists=(ORIGIN, "adopted"))], False),
        ([allow(Null=("aws:ResourceTag/absent", "true"))], True),
        ([allow(Null=(ORIGIN, "true"))], False),
        ([allow(Null=(ORIGIN, "false"))], True),
        ([allow(ArnLike=("aws:PrincipalArn", "arn:aws:sts::*:assumed-role/role/*"))], True),
        ([allow(ArnNotLike=("aws:PrincipalArn", "arn:aws:sts::*:assumed-role/role/*"))], False),
        ([allow(StringEquals=("aws:RequestedRegion", "us-east-1"))], False),
        ([allow(StringEquals=(TYPE, "Session"), StringLike=(ORIGIN, "adopt*"))], False),
    ],
)
def test_policies_allow_a_call_or_do_not(policies: list[dict[str, Any]], allowed: bool) -> None:
    keys = {"ssm:DocumentType": "Session", "aws:ResourceTag/app:origin": "created"}
    assert (refusal(policies, GET, keys, CALLER, PLACE) is None) == allowed


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": (REQUEST, "created")}, True),
        ({"StringEquals": (REQUEST, "adopted")}, False),
        ({"ForAllValues__StringEquals": ("aws:TagKeys", ["app:origin", "team"])}, True),
        ({"ForAllValues__StringEquals": ("aws:TagKeys", ["team"])}, False),
        ({"ForAnyValue__StringLike": ("aws:TagKeys", ["app:*"])}, True),
        ({"ForAnyValue__StringLike": ("aws:TagKeys", ["other:*"])}, False),
    ],
)
def test_the_tags_of_a_request_are_condition_keys(condition: dict[str, Any], allowed: bool) -> None:
    request = {"Name": "preferences", "Tags": [{"Key": "app:origin", "Value": "created"}]}
    _, tagging = needed_permissions("ssm", "CreateDocument", request, PLACE)
    assert tagging.action == "ssm:AddTagsToResource"
    assert (refusal([allow(action="ssm:*", **condition)], tagging, {}, CALLER, PLACE) is None) == allowed


def test_a_denied_caller_reads_what_aws_writes() -> None:
    user = f"User: {CALLER} is not authorized to perform: ssm:GetDocument on resource: {DOCUMENT}"
    assert refusal([], GET, {}, CALLER, PLACE) == (
        f"{user} because no identity-based policy allows the ssm:GetDocument action"
    )
    assert (
        refusal([allow(), deny()], GET, {}, CALLER, PLACE)
        == f"{user} with an explicit deny in an identity-based policy"
    )


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        (allow(NumericLessThan=(TYPE, "1")), "NumericLessThan"),
        (allow(IpAddress=("aws:SourceIp", "10.0.0.0/8")), "IpAddress"),
        (allow(StringEqual=(TYPE, "x")), "StringEqual"),
        (allow(StringEquals=("aws:SourceVpc", "vpc-1")), "aws:SourceVpc"),
        (allow(StringEquals=(REQUEST, "x")), "aws:RequestTag"),
        (allow(StringEquals=(TYPE, "${aws:username}")), "aws:username"),
        (allow(resource="arn:aws:ssm:*:*:document/${aws:username}"), "aws:username"),
        (allow(StringEquals=("aws:TagKeys", "x")), "ForAllValues"),
    ],
)
def test_what_is_not_understood_is_an_error(policy: dict[str, Any], named: str) -> None:
    with pytest.raises(NotSupported, match=named):
        refusal([policy], GET, {}, CALLER, PLACE)


def actions(service: str, operation: str, **request: Any) -> list[tuple[str, str]]:
    needed = needed_permissions(service, operation, request, PLACE)
    return [(permission.action, permission.resource) for permission in needed]


def test_a_call_needs_every_action_that_aws_documents() -> None:
    tag = {"Key": "a", "Value": "b"}
    setting = "arn:aws:ssm:eu-central-1:111122223333:servicesetting"
    role = "/ssm/managed-instance/default-ec2-instance-management-role"
    stack = "arn:aws:cloudformation:eu-central-1:111122223333:stack/name/id"
    assert actions("ssm", "CreateDocument", Name="preferences") == [("ssm:CreateDocument", DOCUMENT)]
    assert actions("ssm", "CreateDocument", Name="preferences", Tags=[tag]) == [
        ("ssm:CreateDocument", DOCUMENT),
        ("ssm:AddTagsToResource", DOCUMENT),
    ]
    assert actions("ssm", "GetDocument", Name=DOCUMENT) == [("ssm:GetDocument", DOCUMENT)]
    assert actions("ssm", "AddTagsToResource", ResourceType="Document", ResourceId="preferences", Tags=[tag]) == [
        ("ssm:AddTagsToResource", DOCUMENT)
    ]
    assert actions("ssm", "UpdateServiceSetting", SettingId="/ssm/opsinsights/opscenter", SettingValue="Enabled") == [
        ("ssm:UpdateServiceSetting", f"{setting}/ssm/opsinsights/opscenter")
    ]
    assert actions("ssm", "UpdateServiceSetting", SettingId=role, SettingValue="service-role/Management") == [
        ("ssm:UpdateServiceSetting", f"{setting}{role}"),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/service-role/Management"),
    ]
    assert actions("cloudformation", "DescribeStackResource", StackName=stack, LogicalResourceId="x") == [
        ("cloudformation:DescribeStackResource", stack)
    ]
    assert actions("cloudformation", "DescribeStackResource", StackName="name") == [
        ("cloudformation:DescribeStackResource", "arn:aws:cloudformation:eu-central-1:111122223333:stack/name/*")
    ]


def test_a_call_that_nobody_described_is_an_error() -> None:
    with pytest.raises(UnknownCall, match="ssm:SendCommand"):
        actions("ssm", "SendCommand", DocumentName="x")


def test_what_a_role_is_granted_is_what_its_statements_allow() -> None:
    assert granted_actions([allow(action=["a:B", "a:C"]), deny(action="a:D")]) == {"a:B", "a:C"}
