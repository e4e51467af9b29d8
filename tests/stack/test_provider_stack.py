"""The provider's own stack, built and deployed by the real sam."""

import subprocess
import sys
from pathlib import Path

import pytest
from document_view import view
from local_aws import ROOT
from stacks import HOST_ARCHITECTURE, PROVIDER, SAM, SamFailed, Stacks

OTHER_ARCHITECTURE = "x86_64" if HOST_ARCHITECTURE == "arm64" else "arm64"


def test_the_package_holds_the_binary_and_nothing_else(built: Path) -> None:
    assert [path.name for path in (built.parent / "ProviderFunction").iterdir()] == ["bootstrap"]


def test_a_binary_of_another_architecture_is_not_deployed(stacks: Stacks, built: Path) -> None:
    with pytest.raises(SamFailed, match="Architecture must be the one that sam build built"):
        stacks.sam_deploy("mistaken", built, {"Architecture": OTHER_ARCHITECTURE})
    assert stacks.status("mistaken") in ("", "REVIEW_IN_PROGRESS")


def sam_deploy_as_typed(stacks: Stacks, name: str, built: Path, *parameters: str) -> None:
    """What everybody types: parameters, and no word of what was built."""
    stacks.sam("deploy", "--stack-name", name, "--template-file", str(built), "--parameter-overrides", *parameters)


def test_parameters_are_deployed_as_everybody_types_them(stacks: Stacks, built: Path) -> None:
    name = "SSM-SessionManagerRunShell"
    # A second provider in one Region publishes its ServiceToken under a name of its own.
    parameters = ("IdleSessionTimeout=15", "ServiceTokenParameterName=/as-typed/service-token")
    sam_deploy_as_typed(stacks, "as-typed", built, *parameters)
    assert view(stacks.client("ssm"), name).inputs["idleSessionTimeout"] == "15"
    assert stacks.delete("as-typed") == "DELETE_COMPLETE"


def test_another_architecture_than_the_default_is_deployed_only_by_who_says_that_it_was_built(
    stacks: Stacks, built: Path
) -> None:
    with pytest.raises(SamFailed, match="Architecture must be the one that sam build built"):
        sam_deploy_as_typed(stacks, "forgetful", built, "Architecture=x86_64")
    for architecture, other in (("arm64", "x86_64"), ("x86_64", "arm64")):
        with pytest.raises(SamFailed, match="Architecture must be the one that sam build built"):
            sam_deploy_as_typed(stacks, "contrary", built, f"Architecture={architecture}", f"BuiltArchitecture={other}")


def test_a_build_refuses_an_architecture_that_samconfig_would_not_deploy(tmp_path: Path) -> None:
    saved = '[default.deploy.parameters]\nparameter_overrides = "Architecture=\\"arm64\\" LogLevel=\\"INFO\\""\n'
    (tmp_path / "samconfig.toml").write_text(saved)
    command = [sys.executable, str(ROOT / "tools/sam/built.py")]
    artifacts = str(tmp_path / "build/ProviderFunction")
    refused = subprocess.run([*command, "x86_64", artifacts], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "samconfig.toml deploys arm64" in refused.stderr
    assert subprocess.run([*command, "arm64", artifacts], cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "built.yaml").read_text() == "Architecture: arm64\nBuiltArchitecture: arm64\n"


def test_the_service_token_stays_when_the_stack_is_updated(stacks: Stacks, built: Path, service_token: str) -> None:
    stacks.sam_deploy(PROVIDER, built, {"ManagePreferences": "false", "LogLevel": "DEBUG"})
    assert stacks.outputs(PROVIDER)["ServiceToken"] == service_token


def test_an_update_of_the_code_alone_touches_no_document(stacks: Stacks, built: Path) -> None:
    name = "SSM-SessionManagerRunShell"
    parameters = {"IdleSessionTimeout": "15", "ServiceTokenParameterName": "/code-update/service-token"}
    stacks.sam_deploy("code-update", built, parameters)
    token = stacks.outputs("code-update")["ServiceToken"]
    before = view(stacks.client("ssm"), name)
    bootstrap = built.parent / "ProviderFunction/bootstrap"
    original = bootstrap.read_bytes()
    try:
        bootstrap.write_bytes(original + b"\n")  # what follows the last section is never loaded
        stacks.sam_deploy("code-update", built, parameters)
        assert stacks.status("code-update") == "UPDATE_COMPLETE"
    finally:
        bootstrap.write_bytes(original)
    assert stacks.outputs("code-update")["ServiceToken"] == token
    assert view(stacks.client("ssm"), name) == before
    assert stacks.delete("code-update") == "DELETE_COMPLETE"


def test_a_parameter_out_of_range_is_refused_before_anything_is_made(stacks: Stacks, built: Path) -> None:
    with pytest.raises(SamFailed, match="IdleSessionTimeout"):
        stacks.sam_deploy("out-of-range", built, {"IdleSessionTimeout": "61"})
    assert stacks.status("out-of-range") in ("", "REVIEW_IN_PROGRESS")


def test_a_guided_deployment_takes_the_architecture_that_was_built(stacks: Stacks, built: Path, tmp_path: Path) -> None:
    samconfig = tmp_path / "samconfig.toml"
    built_note = f"file://{built.parent.parent / 'built.yaml'}"
    # A second provider in the Region publishes its token under a name of its own.
    overrides = f'"{built_note}", "ServiceTokenParameterName=/guided/service-token"'
    samconfig.write_text(
        (ROOT / "samconfig.toml").read_text().replace('["file://.aws-sam/built.yaml"]', f"[{overrides}]")
    )
    command = [str(SAM), "deploy", "--guided", "--template-file", str(built), "--config-file", str(samconfig)]
    guided = subprocess.run(
        [*command, "--stack-name", "guided"],
        cwd=ROOT,
        env=stacks.aws.environment(),
        input="\n" * 50,  # every default as it is
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert guided.returncode == 0, guided.stdout + guided.stderr
    assert f'BuiltArchitecture=\\"{HOST_ARCHITECTURE}\\"' in samconfig.read_text()
    assert stacks.delete("guided") == "DELETE_COMPLETE"
