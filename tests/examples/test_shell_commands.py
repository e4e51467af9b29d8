"""The shell commands of the README and of docs/, run as a reader would, on the local AWS.

docs/guide.md has a test of its own beside this one, docs/stacksets.md another in tests/publishing, docs/drift.md one in tests/stack.
A block that no test runs says why in a comment before it (tools/shell_blocks.py).
"""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from local_aws import ROOT, base_environment, local_aws
from shell_blocks import SHELL, blocks, commands
from stacks import Stacks

PAGES = sorted(path for depth in ("*.md", "[!.]*/*.md") for path in ROOT.glob(depth) if "target" not in path.parts)
RUN_ELSEWHERE = {"docs/guide.md", "docs/stacksets.md", "docs/drift.md"}
RUN_HERE = {"README.md", "SECURITY.md", "docs/migration.md", "docs/rollbacks.md"}


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with local_aws() as aws:
        yield Stacks(aws)


def run(script: str, environment: dict[str, str]) -> str:
    """What the script printed; each of its commands succeeds."""
    environment = environment | {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def replaced(script: str, replacements: dict[str, str]) -> str:
    """The script with each pattern, which it must have, replaced."""
    for here, there in replacements.items():
        assert re.search(here, script, re.MULTILINE), f"{here} is not in {script}"
        script = re.sub(here, there, script, flags=re.MULTILINE)
    return script


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_shell_block_is_run_by_a_test_or_says_why_not(page: Path) -> None:
    name = str(page.relative_to(ROOT))
    unlabelled = [block.line for block in blocks(page) if not block.language]
    assert not unlabelled, f"{name}: the blocks at lines {unlabelled} name no language"
    to_run = [block.line for block in blocks(page) if block.language in SHELL and block.why_not_run is None]
    if name not in RUN_HERE | RUN_ELSEWHERE:
        assert not to_run, f"{name}: no test runs the blocks at lines {to_run}, and they don't say why"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_aws_commands_in_a_pages_sentences_and_unrun_blocks_are_known_to_the_client(page: Path) -> None:
    unrun = [block.text for block in blocks(page) if block.language in SHELL and block.why_not_run is not None]
    in_sentences = re.findall(r"`(aws [^`\n]+)`", page.read_text())
    for command in in_sentences + re.findall(r"^aws .*$", "\n".join(unrun).replace("\\\n", " "), re.MULTILINE):
        assert unknown_to_the_client(command) == [], command


OF_EVERY_COMMAND = {"query", "output", "region", "profile"}
OF_THE_CLIENT_ALONE = {
    ("cloudformation", "deploy"): {"template-file", "stack-name", "capabilities", "parameter-overrides"},
    ("s3", "rm"): {"recursive"},
}


def unknown_to_the_client(command: str) -> list[str]:
    """What of `aws SERVICE OPERATION --option ...` botocore, which the aws client is made from, has not."""
    _, service, operation, *words = shlex.split(command, comments=True)
    options = {
        word.removeprefix("--").removeprefix("no-") for word in words if word.startswith("--")
    } - OF_EVERY_COMMAND
    known = OF_THE_CLIENT_ALONE.get((service, operation))
    if known is None:
        model = botocore.session.get_session().get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        if operation not in names:
            return [operation]
        shape = model.operation_model(names[operation]).input_shape
        known = {xform_name(member, "-") for member in shape.members} if shape else set()
    return sorted(options - known)


def test_the_check_of_commands_finds_what_is_wrong() -> None:
    assert unknown_to_the_client("aws ssm get-document --name x --query Content") == []
    assert unknown_to_the_client("aws ssm fetch-document --name x") == ["fetch-document"]
    assert unknown_to_the_client("aws ssm get-document --document-name x") == ["document-name"]
    assert unknown_to_the_client("aws cloudformation deploy --stack x") == ["stack"]


def test_every_make_target_that_a_page_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, f"{page.relative_to(ROOT)} names {sorted(named - targets)}"


def test_the_readmes_deployment_leads_to_preferences(stacks: Stacks) -> None:
    built = stacks.sam_build()
    note = f"file://{built.parent.parent}/built.yaml"
    deploy = f"sam deploy --template-file {built} --config-file {ROOT}/samconfig.toml --parameter-overrides {note}"
    script = replaced(
        commands(ROOT / "README.md"),
        {
            r"^sam build$": "",
            r"^sam deploy$": deploy,
            r"^sam deploy --parameter-overrides": deploy,
            r"^make .*$": "",  # the test below
        },
    )
    assert script.count(deploy) == 3, script
    run(script, stacks.aws.environment())
    preferences = stacks.client("ssm").get_document(Name="SSM-SessionManagerRunShell")
    assert json.loads(preferences["Content"])["inputs"]["cloudWatchLogGroupName"] == "/session-manager"
    assert stacks.status("cfn-ssm-document") == "UPDATE_COMPLETE"


def test_the_confined_deployment_of_the_security_page_keeps_the_preferences() -> None:
    with local_aws() as aws:
        stacks = Stacks(aws)
        built = stacks.sam_build()
        deploy = f"sam deploy --template-file {built} --config-file {ROOT}/samconfig.toml --parameter-overrides"
        where = {r"^sam deploy --parameter-overrides": f"{deploy} file://{built.parent.parent}/built.yaml"}
        run(replaced(commands(ROOT / "SECURITY.md"), where), aws.environment())
        assert stacks.status("cfn-ssm-document") == "CREATE_COMPLETE"


def test_the_readmes_make_commands_run_without_an_account() -> None:
    made = "".join(re.findall(r"^make .*\n", commands(ROOT / "README.md"), re.MULTILINE))
    assert made.count("make") == 2, made
    printed = run(made, base_environment())
    assert '"Status": "SUCCESS"' in printed


def test_the_migration_guides_commands_show_a_document(stacks: Stacks) -> None:
    content = '{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}}'
    stacks.client("ssm").create_document(Name="by-hand", DocumentType="Session", Content=content)
    script = replaced(commands(ROOT / "docs/migration.md"), {r"\bNAME\b": "by-hand"})
    printed = run(script, stacks.aws.environment())
    assert "Standard_Stream" in printed
    assert "True" in printed, "the default version is marked"


def test_the_rollback_guides_commands_free_a_stack_that_is_stuck(stacks: Stacks) -> None:
    if not stacks.status("cfn-ssm-document"):
        stacks.sam_deploy("cfn-ssm-document", stacks.sam_build(), {"ManagePreferences": "false"})
    stacks.put("stuck", preferences(stacks, 10))
    assert stacks.put("taker", preferences(stacks, 20, OnExisting="TakeOver")) == "CREATE_COMPLETE", stacks.reasons(
        "taker"
    )
    assert stacks.put("stuck", preferences(stacks, 30)) == "UPDATE_ROLLBACK_FAILED"
    script = replaced(commands(ROOT / "docs/rollbacks.md"), {r"\bNAME\b": "stuck"})
    printed = run(script, stacks.aws.environment())
    assert "taker" in printed, "the reason names the stack that has the document"
    assert stacks.status("stuck") == "UPDATE_ROLLBACK_COMPLETE"


def preferences(stacks: Stacks, minutes: int, **properties: str) -> str:
    """A template whose document two stacks contend for."""
    inputs = {"idleSessionTimeout": str(minutes)}
    content = json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs})
    base = {"ServiceToken": stacks.outputs("cfn-ssm-document")["ServiceToken"], "ServiceTimeout": 60}
    document = base | {"DocumentName": "contended", "DocumentContent": content} | properties
    return json.dumps({"Resources": {"SessionPreferences": {"Type": "Custom::SsmDocument", "Properties": document}}})
