"""A release, installed from its archive alone: in an empty folder, with the real AWS CLI and what a plain machine has.

The local AWS keeps the bucket's settings but enforces none of them, and takes plain http.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import release
from document_view import view
from local_aws import ACCOUNT, REGION, local_aws
from samcli.yamlhelper import yaml_parse
from stacks import HOST_ARCHITECTURE, Stacks

NAME = "cfn-ssm-document-9.9.9"
PREFERENCES = "SSM-SessionManagerRunShell"
BUCKET = f"cfn-ssm-document-{ACCOUNT}-{REGION}"
# What POSIX promises and every distribution has; and a shell that knows no more than POSIX.
PLAIN = ["sh", "tar", "gzip", "sha256sum", "cat", "cut", "sed", "grep", "dirname", "mktemp", "rm"]


def archive(binary: bytes) -> bytes:
    """A release of one binary for both architectures: the stack that runs here only starts this machine's."""
    evidence = release.Evidence({"arm64": "{}", "x86_64": "{}"}, {"crates.txt": "none"})
    return release.archive(NAME, release.bundle({"arm64": binary, "x86_64": binary + b"\n"}, evidence))


@dataclass(frozen=True)
class Machine:
    """An empty folder on a plain machine, whose AWS is the local one."""

    stacks: Stacks
    folder: Path

    def sh(self, script: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        path = str(self.folder / "bin")
        environment = self.stacks.aws.environment() | {"PATH": path, "HOME": str(self.folder)}
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            del environment[name]
        return subprocess.run(
            [f"{path}/sh", "-c", script],
            cwd=self.folder / "empty",
            env=environment,
            input=answer,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )

    def unpack(self, content: bytes) -> None:
        (self.folder / "empty" / f"{NAME}.tar.gz").write_bytes(content)

    def install(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return self.sh(f"{NAME}/install.sh --region {REGION} {' '.join(arguments)}", answer)

    def inputs(self) -> dict[str, object]:
        """The preferences that new sessions get."""
        found: dict[str, object] = view(self.stacks.client("ssm"), PREFERENCES).inputs
        return found


@pytest.fixture(scope="module")
def binary() -> bytes:
    return release.binary_of(HOST_ARCHITECTURE)


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with local_aws() as aws:
        yield Stacks(aws)


@pytest.fixture
def machine(stacks: Stacks, tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    (tmp_path / "empty").mkdir()
    for tool in PLAIN:
        found = shutil.which("dash" if tool == "sh" else tool) or shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "bin/aws").symlink_to(Path(sys.executable).parent / "aws")
    return Machine(stacks, tmp_path)


def test_three_commands_install_it_again_upgrades_it_and_uninstall_says_what_remains(
    machine: Machine, binary: bytes
) -> None:
    machine.unpack(archive(binary))
    done = machine.sh(
        f"tar -xzf {NAME}.tar.gz && cd {NAME} && sha256sum -c SHA256SUMS && ./install.sh --region {REGION}"
    )
    assert done.returncode == 0, done.stdout
    token = machine.stacks.outputs("cfn-ssm-document")["ServiceToken"]
    assert f"ServiceToken: {token}" in done.stdout
    assert machine.inputs()["idleSessionTimeout"] == "20"
    s3 = machine.stacks.client("s3")
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (tls_only,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (tls_only["Effect"], tls_only["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})

    again = machine.install()
    assert again.returncode == 0, again.stdout
    assert again.stdout.count("already") == 2
    assert "Uploading the code for" not in again.stdout

    changed = machine.install("IdleSessionTimeout=15", "LinuxShellProfile='echo hello world'")
    assert changed.returncode == 0, changed.stdout
    assert machine.inputs()["idleSessionTimeout"] == "15"

    machine.unpack(archive(binary + b"\n\n"))
    upgraded = machine.sh(f"tar -xzf {NAME}.tar.gz && {NAME}/install.sh --region {REGION}")
    assert upgraded.returncode == 0, upgraded.stdout
    assert upgraded.stdout.count("Uploading the code for") == 2
    assert machine.stacks.outputs("cfn-ssm-document")["ServiceToken"] == token, "the function stays the same"
    parameters = {
        parameter["ParameterKey"]: parameter["ParameterValue"]
        for parameter in machine.stacks.describe("cfn-ssm-document")["Parameters"]
    }
    keys = dict(line.split() for line in (machine.folder / f"empty/{NAME}/code-keys.txt").read_text().splitlines())
    assert (parameters["CodeKeyArm64"], parameters["CodeKeyX8664"]) == (keys["arm64"], keys["x86_64"])
    assert machine.inputs()["idleSessionTimeout"] == "15", "an upgrade keeps the parameters"
    assert machine.inputs()["shellProfile"] == {"linux": "echo hello world", "windows": ""}

    kept = machine.install("--uninstall", answer="no\n")
    assert kept.returncode == 1
    assert "nothing was deleted" in kept.stdout
    assert machine.stacks.status("cfn-ssm-document") == "UPDATE_COMPLETE"
    gone = machine.install("--uninstall", answer="yes\n")
    assert gone.returncode == 0, gone.stdout
    said = gone.stdout.partition("Type yes")[0]
    assert f"{PREFERENCES} stays" in said
    assert BUCKET in said
    assert not machine.stacks.status("cfn-ssm-document")
    assert machine.inputs()["idleSessionTimeout"] == "15"


def test_a_stack_whose_function_others_import_is_not_uninstalled(machine: Machine, binary: bytes) -> None:
    machine.unpack(archive(binary))
    machine.sh(f"tar -xzf {NAME}.tar.gz")
    done = machine.install("--stack-name", "imported", "ManagePreferences=false")
    assert done.returncode == 0, done.stdout
    importer = {
        "Resources": {
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"DisplayName": {"Fn::ImportValue": "imported-ServiceToken"}},
            }
        }
    }
    assert machine.stacks.put("importer", json.dumps(importer)) == "CREATE_COMPLETE"
    refused = machine.install("--stack-name", "imported", "--uninstall", "--yes")
    assert refused.returncode == 1
    assert "delete them first: importer" in refused.stdout
    assert machine.stacks.status("imported") == "CREATE_COMPLETE"
    assert machine.stacks.delete("importer") == "DELETE_COMPLETE"
    assert machine.install("--stack-name", "imported", "--uninstall", "--yes").returncode == 0


def test_a_bucket_that_is_given_is_taken_as_it_is(machine: Machine, binary: bytes) -> None:
    machine.unpack(archive(binary))
    machine.sh(f"tar -xzf {NAME}.tar.gz")
    missing = machine.install("--publish-only", "--bucket", "example-not-there")
    assert missing.returncode == 1
    assert "there is no bucket example-not-there" in missing.stdout
    s3 = machine.stacks.client("s3")
    s3.create_bucket(Bucket="example-given")
    done = machine.install("--publish-only", "--bucket", "example-given")
    assert done.returncode == 0, done.stdout
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="example-given")["Contents"]]
    files = (machine.folder / f"empty/{NAME}/cfn-ssm-document").iterdir()
    assert sorted(keys) == sorted(f"cfn-ssm-document/{file.name}" for file in files)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="example-given")

    done = machine.install("--stack-name", "given", "--bucket", "example-given", "ManagePreferences=false")
    assert done.returncode == 0, done.stdout
    upgraded = machine.install("--stack-name", "given", "ManagePreferences=false")
    assert upgraded.returncode == 0, upgraded.stdout
    assert "already in example-given" in upgraded.stdout, "a stack keeps its bucket"
    assert machine.stacks.delete("given") == "DELETE_COMPLETE"


def test_what_stackset_yaml_expects_is_where_a_bundle_is_published(machine: Machine, binary: bytes) -> None:
    machine.unpack(archive(binary))
    machine.sh(f"tar -xzf {NAME}.tar.gz")
    done = machine.install("--publish-only", "--bucket-prefix", "example-sets")
    assert done.returncode == 0, done.stdout
    template = (machine.folder / f"empty/{NAME}/stackset.yaml").read_text()
    parameters = {
        "BucketPrefix": "example-sets",
        "ManagePreferences": "false",
        "Architecture": HOST_ARCHITECTURE,
    }
    status = machine.stacks.put("from-stackset", template, parameters)
    assert status == "CREATE_COMPLETE", machine.stacks.reasons("from-stackset")
    assert machine.stacks.delete("from-stackset") == "DELETE_COMPLETE"


def test_a_damaged_file_is_not_installed(machine: Machine, binary: bytes) -> None:
    machine.unpack(archive(binary))
    machine.sh(f"tar -xzf {NAME}.tar.gz")
    for code in (machine.folder / f"empty/{NAME}/cfn-ssm-document").iterdir():
        code.write_bytes(code.read_bytes()[:-1])
    refused = machine.install("--stack-name", "damaged")
    assert refused.returncode == 1
    assert "missing or damaged" in refused.stdout
    assert not machine.stacks.status("damaged")


def test_outside_a_release_nothing_is_installed(machine: Machine) -> None:
    shutil.copy(Path(__file__).parents[2] / "install.sh", machine.folder / "empty")
    refused = machine.sh(f"./install.sh --region {REGION} --stack-name outside")
    assert refused.returncode == 1
    assert "not the folder of a release" in refused.stdout
    assert not machine.stacks.status("outside")


def test_a_failed_deployment_says_why_and_can_be_tried_again(machine: Machine, binary: bytes) -> None:
    machine.unpack(archive(binary))
    machine.sh(f"tar -xzf {NAME}.tar.gz")
    ssm = machine.stacks.client("ssm")
    foreign = (
        {"Key": "cfn-ssm-document:stack-id", "Value": "another"},
        {"Key": "cfn-ssm-document:logical-id", "Value": "x"},
    )
    if not ssm.list_documents(Filters=[{"Key": "Name", "Values": [PREFERENCES]}])["DocumentIdentifiers"]:
        content = '{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}}'
        ssm.create_document(Name=PREFERENCES, DocumentType="Session", DocumentFormat="JSON", Content=content)
    ssm.add_tags_to_resource(ResourceType="Document", ResourceId=PREFERENCES, Tags=list(foreign))
    failed = machine.install("--stack-name", "failing")
    assert failed.returncode == 1
    assert "SessionPreferences" in failed.stdout
    assert "managed by" in failed.stdout
    again = machine.install("--stack-name", "failing", "OnExisting=TakeOver")
    assert again.returncode == 0, again.stdout
    assert machine.stacks.delete("failing") == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--architecture", "riscv"], "arm64 or x86_64"),
        (["--bucket"], "--bucket needs a value"),
        (["--bucket", "a", "--bucket-prefix", "b"], "not both"),
        (["--force"], "unknown option --force"),
        (["IdleSessionTimeout"], "is neither an option nor a parameter"),
        (["IdleSessionTimout=15"], "IdleSessionTimout is not a parameter of the template"),
        (["IdleSessionTimeout=15", "--architecture", "riscv"], "arm64 or x86_64"),
        (["CodeBucket=x"], "the release sets this itself"),
        (["Architecture=arm64"], "use --architecture arm64"),
        (["--uninstall", "--stack-name", "not-there"], "there is no stack not-there"),
    ],
)
def test_bad_arguments_are_refused_by_name(
    machine: Machine, binary: bytes, arguments: list[str], expected: str
) -> None:
    machine.unpack(archive(binary))
    machine.sh(f"tar -xzf {NAME}.tar.gz")
    refused = machine.install(*arguments)
    assert refused.returncode == 1
    assert expected in refused.stdout


def test_without_a_region_it_says_how_to_name_one(machine: Machine, binary: bytes) -> None:
    machine.unpack(archive(binary))
    done = machine.sh(f"tar -xzf {NAME}.tar.gz && {NAME}/install.sh")
    assert done.returncode == 1
    assert "--region eu-central-1" in done.stdout


def test_the_template_needs_no_sam_its_rules_find_mistakes_and_the_same_files_give_the_same_archive(
    binary: bytes, tmp_path: Path
) -> None:
    evidence = release.Evidence({"arm64": "{}", "x86_64": "{}"}, {"crates.txt": "none"})
    files = release.bundle({"arm64": binary, "x86_64": binary}, evidence)
    template = yaml_parse(files["template.yaml"].decode())
    assert "Transform" not in template
    assert "BucketPrefix" not in files["template.yaml"].decode()
    for name in ("template.yaml", *(name for name in files if name.startswith("schema/"))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(files[name])
    misspelt = files["template.yaml"].replace(b"ServiceTimeout: 900", b"ServiceTimeot: 900")
    (tmp_path / "misspelt.yaml").write_bytes(misspelt)

    def linted(template: str) -> str:
        lint = [Path(sys.executable).parent / "cfn-lint", "--append-rules", tmp_path / "schema/cfn-lint"]
        return subprocess.run([*lint, "--", tmp_path / template], check=False, capture_output=True, text=True).stdout

    assert linted("template.yaml") == ""
    assert "E9501" in linted("misspelt.yaml")
    assert release.archive(NAME, files) == release.archive(NAME, dict(reversed(files.items())))


def test_the_tools_of_a_plain_machine_are_enough_because_no_other_is_there(machine: Machine) -> None:
    found = machine.sh("command -v python3 bash sam make; true").stdout
    assert found == ""
    assert sorted(os.listdir(machine.folder / "bin")) == sorted([*PLAIN, "aws"])
