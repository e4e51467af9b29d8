"""The function's role, as its stack deployed it: the local AWS denies what it does not allow, and it allows no more than is used.

Which policies allow a call is decided by ministack's evaluator (tools/policy_evaluation.py), and which permissions a call needs by
tools/needed_permissions.py. A call that they don't understand fails the test session.
"""

import contextlib
import json
from collections.abc import Iterator

import pytest
from drift_events import daily, now
from enforcing_proxy import DeployedRoles, Role
from local_aws import REGION
from policy_evaluation import granted_actions
from stacks import PROVIDER, Stacks

ACCOUNT_TO_SHARE_WITH = "444455556666"
SETTING = "/ssm/documents/console/public-sharing-permission"
# Why a permission is granted that no call of the function shows here.
NOT_USED_HERE = {
    "logs:CreateLogStream": "Lambda writes the function's log under the function's role",
    "logs:PutLogEvents": "Lambda writes the function's log under the function's role",
    "s3:GetObject": "Systems Manager reads a document's attachments with the permissions of who makes the document",
    "cloudformation:DescribeStacks": "the drift guard asks it of shared documents that drifted (test_drift.py)",
    "iam:PassRole": "IAM asks for it where a role is handed to Systems Manager, by a setting or a document",
}


def role(stacks: Stacks) -> Role:
    """The role of the provider's function."""
    return DeployedRoles(stacks.aws.url).of_function(stacks.outputs(PROVIDER)["FunctionName"], REGION)


def document(token: str, name: str, minutes: int, **properties: object) -> str:
    """A template with one document."""
    inputs = {"idleSessionTimeout": str(minutes)}
    content = json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs})
    base = {"ServiceToken": token, "ServiceTimeout": 120, "DocumentName": name, "DocumentContent": content}
    return json.dumps({"Resources": {"Document": {"Type": "Custom::SsmDocument", "Properties": base | properties}}})


@contextlib.contextmanager
def denied(stacks: Stacks, action: str, resource: str = "*") -> Iterator[None]:
    """The role with one more policy, which denies an action, for as long as the block."""
    statement = {"Effect": "Deny", "Action": action, "Resource": resource}
    iam, name = stacks.client("iam"), role(stacks).name
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="Denied", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="Denied")


@pytest.mark.parametrize("action", ["ssm:CreateDocument", "ssm:AddTagsToResource", "ssm:DescribeDocument"])
def test_a_call_that_the_role_is_denied_fails_the_stack_with_awss_words(
    stacks: Stacks, service_token: str, action: str
) -> None:
    name = f"denied-{action.partition(':')[2]}"
    with denied(stacks, action):
        assert stacks.put(name, document(service_token, name, 10)) == "ROLLBACK_COMPLETE"
    reason = stacks.reasons(name)
    assert "AccessDeniedException" in reason
    assert f"is not authorized to perform: {action} on resource: arn:aws:ssm:{REGION}:" in reason
    assert "explicit deny" in reason
    assert any(action in why for why in stacks.aws.enforcement.denied)


def test_a_denial_of_one_document_leaves_others_alone(stacks: Stacks, service_token: str) -> None:
    with denied(stacks, "ssm:*", "arn:aws:ssm:*:*:document/protected-*"):
        assert stacks.put("unprotected", document(service_token, "unprotected", 10)) == "CREATE_COMPLETE"
        assert stacks.put("protected", document(service_token, "protected-1", 10)) == "ROLLBACK_COMPLETE"


def check_for_drift(stacks: Stacks, service_token: str) -> None:
    """Sends the event of the daily rule, as EventBridge shapes it."""
    invoked = stacks.invoke(service_token, daily(at=now(), region=REGION))
    assert invoked.error is None, invoked.error


def test_the_role_grants_no_permission_that_nothing_uses(stacks: Stacks, service_token: str) -> None:
    def put(minutes: int, **properties: object) -> None:
        template = document(service_token, "whole-life", minutes, OnDelete="Restore", **properties)
        assert stacks.put("whole-life", template).endswith("_COMPLETE"), stacks.reasons("whole-life")

    def setting(name: str, on_delete: str) -> None:
        base = {"ServiceToken": service_token, "ServiceTimeout": 120, "SettingId": SETTING, "SettingValue": "Disable"}
        resource = {"Type": "Custom::SsmServiceSetting", "Properties": base | {"OnDelete": on_delete}}
        assert stacks.put(name, json.dumps({"Resources": {"Setting": resource}})) == "CREATE_COMPLETE", stacks.reasons(
            name
        )
        assert stacks.delete(name) == "DELETE_COMPLETE"

    put(10, AccountIds=[ACCOUNT_TO_SHARE_WITH], Tags=[{"Key": "team", "Value": "a"}])
    put(20, AccountIds=[ACCOUNT_TO_SHARE_WITH], Tags=[{"Key": "team", "Value": "b"}])
    put(30)
    put(20)  # a content that an older version has
    assert stacks.delete("whole-life") == "DELETE_COMPLETE"
    setting("reset-setting", "Reset")
    check_for_drift(stacks, service_token)

    granted = granted_actions(role(stacks).policies)
    unused = granted - stacks.aws.enforcement.used[role(stacks).name] - set(NOT_USED_HERE)
    assert not unused, f"no call uses {sorted(unused)}: take it out of the template, or add a call or a reason"
    assert {"ssm:CreateDocument", "ssm:DeleteDocument"} <= granted
