"""The drift guard on the local AWS: real stacks, the deployed function, its own role, and the events that AWS documents.

The local AWS has no trail, so the tests invoke the function as its rules would. Whether an event would have passed the deployed rule
is what EventBridge's TestEventPattern says of it, in an implementation that is not this project's (ministack's).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drift_events import ALICE, daily, moved, now
from enforcing_proxy import DeployedRoles, Role
from local_aws import ACCOUNT, REGION, ROOT
from policy_evaluation import granted_actions
from shell_blocks import commands
from stacks import PROVIDER, Invoked, Stacks

WHOLE, SHARED = "drifting-whole", "drifting-shared"
RULES = {"DailyDriftCheck", "DefaultVersionMoved"}
PERMISSIONS = {"ssm:ListDocuments", "cloudformation:DescribeStacks"}


def inputs(minutes: str) -> dict[str, Any]:
    return {"idleSessionTimeout": minutes, "kmsKeyId": ""}


def content(minutes: str) -> str:
    return json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs(minutes)})


class Account:
    """Two documents, each with an older version that somebody makes the default version again."""

    def __init__(self, stacks: Stacks, built: Path, token: str) -> None:
        self.stacks, self.built, self.token = stacks, built, token
        self.ssm = stacks.client("ssm")

    def guard(self, mode: str) -> None:
        self.stacks.sam_deploy(PROVIDER, self.built, {"ManagePreferences": "false", "DriftGuard": mode})

    def put(self, stack: str, document: str, **properties: Any) -> None:
        base = {"ServiceToken": self.token, "ServiceTimeout": 60, "DocumentName": document, "OnDelete": "Restore"}
        resource = {"Type": "Custom::SsmDocument", "Properties": base | properties}
        status = self.stacks.put(stack, json.dumps({"Resources": {"Document": resource}}))
        assert status.endswith("_COMPLETE"), self.stacks.reasons(stack)

    def merge(self, stack: str, keys: dict[str, str]) -> None:
        self.put(stack, SHARED, ContentMode="Merge", DocumentContent={"inputs": keys})

    def move(self, document: str, version: str) -> dict[str, Any]:
        """Somebody moves the default version by hand; gives the event of it."""
        self.ssm.update_document_default_version(Name=document, DocumentVersion=version)
        return moved(document, version, at=now(), region=REGION)

    def move_as_documented(self, document: str) -> dict[str, Any]:
        """The same by the command of docs/drift.md."""
        script = commands(ROOT / "docs/drift.md").replace("SSM-SessionManagerRunShell", document)
        assert document in script
        environment = self.stacks.aws.environment()
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment | {"PATH": path}, check=True)
        return moved(document, "1", at=now(), region=REGION)

    def default_version(self, document: str) -> str:
        return str(self.ssm.describe_document(Name=document)["Document"]["DefaultVersion"])

    def tag(self, document: str, name: str) -> str | None:
        tags = self.ssm.list_tags_for_resource(ResourceType="Document", ResourceId=document)["TagList"]
        return next((tag["Value"] for tag in tags if tag["Key"] == f"cfn-ssm-document:{name}"), None)

    def event(self, event: dict[str, Any]) -> Invoked:
        return self.stacks.invoke(self.token, event)

    @property
    def role(self) -> Role:
        return DeployedRoles(self.stacks.aws.url).of_function(self.token.rpartition(":")[2], REGION)

    def of_guard(self) -> set[str]:
        """The rules of the deployed provider."""
        pages = self.stacks.client("cloudformation").describe_stack_resources(StackName=PROVIDER)["StackResources"]
        return {one["LogicalResourceId"] for one in pages if one["ResourceType"] == "AWS::Events::Rule"}


@pytest.fixture
def account(stacks: Stacks, built: Path, service_token: str) -> Iterator[Account]:
    account = Account(stacks, built, service_token)
    yield account
    account.guard("Report")


def drifted(document: str, default: str, tagged: str, *owners: str, **more: str) -> dict[str, Any]:
    """The line of the log."""
    stack = ", ".join(sorted(owners))
    versions = {"default_version": default, "tagged": tagged}
    return {"level": "WARN", "message": "the document drifted", "document": document, "stack": stack} | versions | more


def put_back(document: str, version: str) -> dict[str, Any]:
    return {"level": "WARN", "message": "the default version was put back", "document": document, "version": version}


def test_a_moved_default_version_under_each_mode(account: Account) -> None:
    ssm, stacks = account.ssm, account.stacks
    account.put("drift-owner", WHOLE, DocumentContent=content("10"))
    account.put("drift-owner", WHOLE, DocumentContent=content("20"))
    ssm.create_document(Name=SHARED, DocumentType="Session", Content=content("10"))
    account.merge("drift-security", {"kmsKeyId": "alias/a"})
    account.merge("drift-workload", {"idleSessionTimeout": "5"})
    assert (account.tag(WHOLE, "default-version"), account.tag(SHARED, "default-version")) == ("2", "3")
    owner, security, workload = (
        stacks.describe(name)["StackId"] for name in ("drift-owner", "drift-security", "drift-workload")
    )
    seen = {"who": ALICE["arn"]}

    # Off: neither rules nor permissions, and an event of theirs is refused as any other.
    account.guard("Off")
    assert account.of_guard() == set()
    assert not PERMISSIONS & granted_actions(account.role.policies)
    of_whole, of_shared = account.move(WHOLE, "1"), account.move(SHARED, "1")
    for event in (of_whole, daily(at=now(), region=REGION)):
        told = account.event(event)
        assert told.error and told.error["errorType"] == "ResponseNotDelivered", told
        assert "not a CloudFormation request" in told.error["errorMessage"]
    assert (account.default_version(WHOLE), account.default_version(SHARED)) == ("1", "1")
    # Without the guard, a changed Trigger puts the default version back.
    account.put("drift-owner", WHOLE, DocumentContent=content("20"), Trigger="2026-11-26")
    assert (account.default_version(WHOLE), account.tag(WHOLE, "default-version")) == ("2", "2")

    # Report: a line and a metric for each document, and nothing is changed.
    account.guard("Report")
    assert account.of_guard() == RULES
    assert granted_actions(account.role.policies) >= PERMISSIONS
    of_whole = account.move_as_documented(WHOLE)
    told = account.event(of_whole)
    expected = drifted(WHOLE, "1", "2", owner, when=of_whole["detail"]["eventTime"], **seen)
    assert (told.error, told.lines("the document drifted"), told.metrics()) == (None, [expected], ["DriftedDocuments"])
    told = account.event(of_shared)
    expected = drifted(SHARED, "1", "3", security, workload, when=of_shared["detail"]["eventTime"], **seen)
    assert (told.error, told.lines("the document drifted"), told.metrics()) == (None, [expected], ["DriftedDocuments"])
    assert (account.default_version(WHOLE), account.default_version(SHARED)) == ("1", "1")

    # Repair: the event of the one, and the daily check finds the other.
    account.guard("Repair")
    assert account.of_guard() == RULES
    told = account.event(of_whole)
    assert told.lines("the default version was put back") == [put_back(WHOLE, "2")]
    assert told.metrics() == ["DriftedDocuments", "RepairedDocuments"]
    told = account.event(daily(at=now(), region=REGION))
    assert told.lines("the document drifted") == [drifted(SHARED, "1", "3", security, workload)]
    assert told.lines("the default version was put back") == [put_back(SHARED, "3")]
    (summary,) = told.lines("the daily drift check is done")
    assert (summary["drifted"], summary["repaired"], summary["failed"]) == (1, 1, 0)
    assert (account.default_version(WHOLE), account.default_version(SHARED)) == ("2", "3")
    merged = json.loads(ssm.get_document(Name=SHARED)["Content"])["inputs"]
    assert merged == {"idleSessionTimeout": "5", "kmsKeyId": "alias/a"}
    assert stacks.aws.enforcement.used[account.role.name] >= PERMISSIONS

    # Two guards must not fight: a second move within ten minutes is reported only.
    told = account.event(account.move(WHOLE, "1"))
    assert (told.metrics(), account.default_version(WHOLE)) == (["DriftedDocuments"], "1")

    # The tags go with the last owner.
    for stack in ("drift-owner", "drift-security", "drift-workload"):
        assert stacks.delete(stack) == "DELETE_COMPLETE"
    assert ssm.list_tags_for_resource(ResourceType="Document", ResourceId=SHARED)["TagList"] == []
    assert json.loads(ssm.get_document(Name=SHARED)["Content"]) == json.loads(content("10"))


def samples(own_role: str) -> list[tuple[dict[str, Any], bool]]:
    """Events, and whether the rule is to pass them on."""

    def by(identity: dict[str, Any], **detail: Any) -> dict[str, Any]:
        sample = moved(WHOLE, "1", at=now(), region=REGION, by=identity)
        return sample | {"detail": sample["detail"] | detail}

    def assumed(role: str) -> dict[str, Any]:
        name = role.rpartition("/")[2]
        session = {"sessionIssuer": {"type": "Role", "arn": role, "accountId": ACCOUNT, "userName": name}}
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session"
        return {"type": "AssumedRole", "arn": arn, "accountId": ACCOUNT, "sessionContext": session}

    root = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    return [
        (by(ALICE), True),
        (by(ALICE | {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}), True),
        (by(root), True),
        (by(assumed(f"arn:aws:iam::{ACCOUNT}:role/Admin")), True),
        (by(assumed(own_role)), False),
        (by(ALICE, errorCode="AccessDenied"), False),
        (by(ALICE, eventName="UpdateDocument"), False),
        (daily(at=now(), region=REGION), False),
    ]


def test_the_deployed_rule_passes_on_what_eventbridge_says_it_passes_on(account: Account) -> None:
    account.guard("Report")
    resources = account.stacks.client("cloudformation").describe_stack_resources(StackName=PROVIDER)["StackResources"]
    ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
    events = account.stacks.client("events")
    rule = events.describe_rule(Name=ids["DefaultVersionMoved"].rpartition("/")[2])
    role = account.stacks.client("iam").get_role(RoleName=ids["ProviderRole"])["Role"]["Arn"]
    for sample, expected in samples(role):
        passes = events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(sample))["Result"]
        assert passes is expected, sample
    targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    # No input transformer: the function gets the event as it is.
    assert [target.keys() & {"Input", "InputPath", "InputTransformer"} for target in targets] == [set()]
    assert targets[0]["Arn"] == account.token
