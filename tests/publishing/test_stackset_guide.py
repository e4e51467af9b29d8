"""The commands of docs/stacksets.md, against an emulated organization."""

import re
import subprocess

import shell_blocks
from emulated_aws import PREFIX, ROOT, EmulatedAws, publish

# The emulator would have to run the function for a custom resource, and can't. It puts a colon into the name of the function, and
# then can't add the drift guard's permissions to it.
NO_CUSTOM_RESOURCE = "ParameterKey=ManagePreferences,ParameterValue=false ParameterKey=DriftGuard,ParameterValue=Off"

INSTANCES = "aws cloudformation list-stack-instances --stack-set-name cfn-ssm-document --query 'length(Summaries)'"
ACCOUNTS = ("111122223333", "444455556666")


def test_the_guides_commands_bring_the_provider_to_an_organization(aws: EmulatedAws, binaries) -> None:
    assert publish(aws, binaries, "--organization-id=o-a1b2c3d4e5").returncode == 0
    found = organization(aws)
    accounts = " ".join(found[account] for account in ACCOUNTS)
    script = commands(
        {
            r"make publish .*\n": "\n",
            "dist/stackset.yaml": str(binaries["arm64"].parent / "stackset.yaml"),
            r"(ParameterKey=BucketPrefix,\S+)": rf"\1 {NO_CUSTOM_RESOURCE}",
            "example-cfn-ssm-document": PREFIX,
            # The emulator deletes instances by account alone. Before that, what was made is counted.
            r"(aws cloudformation delete-stack-instances .*\n.*)--deployment-targets \S+": rf"echo instances: $({INSTANCES})\n\1--accounts {accounts}",
            **found,
        }
    )
    run = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        env=aws.environment(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert "instances: 4" in run.stdout.replace('"', ""), "two accounts in two Regions"


def commands(replacements: dict[str, str]) -> str:
    script = shell_blocks.commands(ROOT / "docs/stacksets.md")
    for here, there in replacements.items():
        assert re.search(here, script), here
        script = re.sub(here, there, script)
    return script


def organization(aws: EmulatedAws) -> dict[str, str]:
    """An organization with two accounts in a unit, in place of the guide's."""
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
    replacements = {"ou-abcd-11112222": unit}
    for account in ACCOUNTS:
        status = organizations.create_account(AccountName=account, Email=f"{account}@example.com")
        made = status["CreateAccountStatus"]["AccountId"]
        organizations.move_account(AccountId=made, SourceParentId=root, DestinationParentId=unit)
        replacements[account] = made
    return replacements
