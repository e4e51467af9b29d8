"""The proxy that enforces a function's role, with a process of Python in the place of the function."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from enforcing_proxy import EnforcingProxy, Role, enforcing_proxy, function_behind
from local_aws import ACCOUNT, REGION, base_environment, ssm_model

CONTENT = json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}})
CALL = """
import boto3, json, sys
service, operation, request = sys.argv[1:]
client = boto3.client(service, endpoint_url=sys.stdin.read())
try:
    getattr(client, operation)(**json.loads(request))
    print("allowed")
except client.exceptions.ClientError as error:
    print(error.response["Error"]["Code"], error.response["Error"]["Message"])
"""
DOCUMENTS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/*"


def statement(action: Any, resource: str = DOCUMENTS, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


class World:
    """Systems Manager behind the proxy, and a role with the statements that a test gives."""

    def __init__(self, ssm: Any, proxy: EnforcingProxy, policy: dict[str, Any]) -> None:
        self.ssm, self.proxy, self.policy = ssm, proxy, policy

    def allow(self, *statements: dict[str, Any]) -> None:
        self.policy["Statement"] = list(statements)

    def call(self, service: str, operation: str, function: str | None = "function", **request: Any) -> str:
        """What a process with the function's name, or with none, is told."""
        named = {"AWS_LAMBDA_FUNCTION_NAME": function} if function else {}
        done = subprocess.run(
            [sys.executable, "-c", CALL, service, operation, json.dumps(request)],
            env=base_environment() | named,
            input=self.proxy.url,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def document(self, name: str, origin: str) -> str:
        tags = [{"Key": "cfn-ssm-document:origin", "Value": origin}]
        self.ssm.create_document(Name=name, DocumentType="Session", Content=CONTENT, Tags=tags)
        return name


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    policy: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    with contextlib.ExitStack() as stack:
        folder: Path = tmp_path_factory.mktemp("proxy")
        url = stack.enter_context(ssm_model(folder))
        upstreams = {"ssm": url, "cloudformation": url}
        proxy = stack.enter_context(enforcing_proxy(upstreams, ACCOUNT, lambda _name, _region: Role("role", [policy])))
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        yield World(boto3.client("ssm", endpoint_url=url, region_name=REGION, **keys), proxy, policy)


@pytest.fixture
def world(running: World) -> World:
    running.allow()
    running.proxy.trouble.clear()
    return running


def test_what_the_role_allows_passes_and_is_noted(world: World) -> None:
    world.allow(statement("ssm:CreateDocument"))
    request = {"DocumentType": "Session", "Content": CONTENT}
    assert world.call("ssm", "create_document", Name="passes", **request) == "allowed"
    assert world.ssm.describe_document(Name="passes")["Document"]["Name"] == "passes"
    assert "ssm:CreateDocument" in world.proxy.used["role"]


def test_a_create_with_tags_needs_the_permission_to_tag(world: World) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    request = {"Name": "tagged", "DocumentType": "Session", "Content": CONTENT, "Tags": tags}
    world.allow(statement("ssm:CreateDocument"))
    told = world.call("ssm", "create_document", **request)
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/role/function"
    resource = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/tagged"
    assert told == (
        f"AccessDeniedException User: {caller} is not authorized to perform: ssm:AddTagsToResource on resource: {resource} "
        "because no identity-based policy allows the ssm:AddTagsToResource action"
    )
    world.allow(statement(["ssm:CreateDocument", "ssm:AddTagsToResource"]))
    assert world.call("ssm", "create_document", **request) == "allowed"


def test_only_what_the_function_created_may_be_deleted(world: World) -> None:
    created = {"StringEquals": {"aws:ResourceTag/cfn-ssm-document:origin": "created"}}
    world.allow(statement("ssm:DeleteDocument", Condition=created))
    adopted = world.document("was-there-before", "adopted")
    assert "AccessDeniedException" in world.call("ssm", "delete_document", Name=adopted)
    assert world.call("ssm", "delete_document", Name=world.document("made-here", "created")) == "allowed"
    assert "AccessDeniedException" in world.call("ssm", "delete_document", Name="nowhere"), "it has no tag"


def test_cloudformation_denies_in_its_own_form(world: World) -> None:
    stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/name/id"
    told = world.call("cloudformation", "describe_stack_resource", StackName=stack, LogicalResourceId="x")
    assert told.startswith("AccessDenied User: ")
    assert f"cloudformation:DescribeStackResource on resource: {stack} because" in told


def test_a_call_from_no_function_is_denied_and_reported(world: World) -> None:
    world.allow(statement("ssm:*", "*"))
    assert "AccessDeniedException" in world.call("ssm", "describe_document", function=None, Name="passes")
    assert "is no function's" in world.proxy.trouble[0]


def test_a_function_is_found_though_its_port_was_used_before_and_it_closes_descriptors_meanwhile(
    tmp_path: Path,
) -> None:
    header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = "   0: 0100007F:1F90 0100007F:{to} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1\n"
    closed, opened = row.format(to="0035", state="06", inode=0), row.format(to="0050", state="01", inode=77)
    descriptors = tmp_path / "42/fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").touch()  # no link: to read it fails as it does for a descriptor that was just closed
    (descriptors / "4").symlink_to("socket:[77]")
    (tmp_path / "42/environ").write_bytes(b"PATH=/bin\0AWS_LAMBDA_FUNCTION_NAME=provider\0")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(header + closed + opened)
    assert function_behind(0x1F90, tmp_path) == "provider"


def test_an_operator_that_is_not_understood_is_denied_and_reported(world: World) -> None:
    world.allow(statement("ssm:*", "*", Condition={"NumericLessThan": {"aws:EpochTime": "1"}}))
    assert "AccessDeniedException" in world.call("ssm", "describe_document", Name="passes")
    assert world.proxy.trouble == ["ssm:DescribeDocument can't be decided: the condition operator NumericLessThan"]


def test_a_call_that_nobody_described_is_denied_and_reported(world: World) -> None:
    world.allow(statement("ssm:*", "*"))
    assert "AccessDeniedException" in world.call("ssm", "list_commands")
    assert "ssm:ListCommands" in world.proxy.trouble[0]
