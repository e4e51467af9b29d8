"""The commands of docs/guide.md, run one after the other as its reader would."""

import fnmatch
import json
import re
from pathlib import Path

import shell_blocks
from local_aws import ROOT, local_aws
from samcli.yamlhelper import yaml_parse
from stacks import Stacks
from test_shell_commands import run

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def test_the_guides_commands_lead_to_logged_and_encrypted_sessions(tmp_path: Path) -> None:
    with local_aws() as aws:
        stacks = Stacks(aws)
        built = stacks.sam_build()
        run(commands(built, own_image(stacks, tmp_path)), aws.environment())

        for stack in ("cfn-ssm-document", "default-host-management"):
            assert stacks.status(stack) == "CREATE_COMPLETE"
        for stack in ("session-logging", "managed-instance"):
            assert stacks.status(stack) == "UPDATE_COMPLETE"
        preferences = stacks.client("ssm").get_document(Name="SSM-SessionManagerRunShell")
        assert preferences["DocumentVersion"] == "3", "logged, then encrypted, then another timeout"
        assert '"idleSessionTimeout":"10"' in preferences["Content"]
        assert '"cloudWatchEncryptionEnabled":true' in preferences["Content"]


def test_the_service_control_policy_denies_what_hands_off_policy_denies_and_protects_the_role_that_it_exempts():
    (policy,) = map(json.loads, re.findall(r"```json\n(.*?)```", (ROOT / "docs/guide.md").read_text(), re.DOTALL))
    preferences, role, function = policy["Statement"]
    example = yaml_parse((ROOT / "examples/session-logging.yaml").read_text())
    (hands_off,) = example["Resources"]["HandsOffPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert set(preferences["Action"]) == set(hands_off["Action"])
    assert preferences["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": role["Resource"]}}
    ways_into_a_role = {"iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy"}
    assert ways_into_a_role <= set(role["Action"])
    assert role["Condition"] == function["Condition"]
    exempt = preferences["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    made = "arn:aws:iam::111122223333:role/StackSet-cfn-ssm-document-ProviderRole-1ABCDEFGHIJKL"
    assert fnmatch.fnmatchcase(made, exempt)


def commands(built: Path, instance_example: Path) -> str:
    """The guide's shell blocks, with what was built elsewhere and an image that the local AWS has."""
    script = shell_blocks.commands(ROOT / "docs/guide.md")
    for here, there in {
        "sam build\n": "\n",
        "sam deploy --parameter-overrides": f"sam deploy --template-file {built} "
        f"--config-file {ROOT}/samconfig.toml --parameter-overrides file://{built.parent.parent}/built.yaml",
        "examples/managed-instance.yaml": str(instance_example),
    }.items():
        assert here in script
        script = script.replace(here, there)
    return script


def own_image(stacks: Stacks, folder: Path) -> Path:
    """The example of an instance with an image of our own: AWS's public parameters are AWS's alone."""
    image = """{"Resources": {"Image": {"Type": "AWS::SSM::Parameter", "Properties":
        {"Name": "/images/amazon-linux", "Type": "String", "Value": "ami-0123456789abcdef0"}}}}"""
    assert stacks.put("image", image) == "CREATE_COMPLETE"
    example = folder / "managed-instance.yaml"
    example.write_text((ROOT / "examples/managed-instance.yaml").read_text().replace(IMAGE, "/images/amazon-linux"))
    return example
