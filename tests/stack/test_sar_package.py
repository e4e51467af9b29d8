"""The Serverless Application Repository: its metadata, and a package that deploys with every default."""

import re
from pathlib import Path

from document_view import view
from local_aws import ROOT
from samcli.yamlhelper import yaml_parse
from stacks import Stacks

# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html
PATTERNS = {
    "Name": r"[a-zA-Z0-9\-]{1,140}",
    "Description": r"[\s\S]{1,256}",
    "Author": r"(?=.{1,127}$)[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?",
    "SpdxLicenseId": r"[A-Za-z0-9.-]+",
    "LicenseUrl": r"[\s\S]+",
    "ReadmeUrl": r"[\s\S]+",
    "SemanticVersion": r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?",
}
LABEL = r"[a-zA-Z0-9+\-_:/@]{1,127}"
LARGEST_FILE = 5_000_000


def test_the_metadata_is_what_the_repository_takes() -> None:
    metadata = yaml_parse((ROOT / "template.yaml").read_text())["Metadata"]["AWS::ServerlessRepo::Application"]
    wrong = {name for name, pattern in PATTERNS.items() if not re.fullmatch(pattern, str(metadata[name]))}
    assert not wrong
    assert set(metadata) == {*PATTERNS, "Labels"}
    assert len(metadata["Labels"]) <= 10
    assert all(re.fullmatch(LABEL, label) for label in metadata["Labels"])
    for name in ("LicenseUrl", "ReadmeUrl"):
        assert 0 < (ROOT / metadata[name]).stat().st_size < LARGEST_FILE


def test_a_package_deploys_with_every_default(stacks: Stacks, built: Path, tmp_path: Path) -> None:
    stacks.client("s3").create_bucket(Bucket="example-packages")
    packaged = tmp_path / "packaged.yaml"
    stacks.sam(
        *("package", "--template-file", str(built), "--s3-bucket", "example-packages"),
        *("--output-template-file", str(packaged), "--no-resolve-s3"),
    )
    metadata = yaml_parse(packaged.read_text())["Metadata"]["AWS::ServerlessRepo::Application"]
    assert metadata["LicenseUrl"].startswith("s3://example-packages/")
    assert metadata["ReadmeUrl"].startswith("s3://example-packages/")

    # As the repository deploys it: a stack with a change set of this template.
    cloudformation = stacks.client("cloudformation")
    cloudformation.create_change_set(
        StackName="serverlessrepo-cfn-ssm-document",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=packaged.read_text(),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        # Another provider is deployed in this Region, and has published its ServiceToken under the default name.
        Parameters=[
            {"ParameterKey": "ServiceTokenParameterName", "ParameterValue": "/serverlessrepo/service-token"},
        ],
    )
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName="serverlessrepo-cfn-ssm-document", ChangeSetName="first", WaiterConfig={"Delay": 1}
    )
    cloudformation.execute_change_set(StackName="serverlessrepo-cfn-ssm-document", ChangeSetName="first")
    assert stacks.settled("serverlessrepo-cfn-ssm-document") == "CREATE_COMPLETE"
    assert view(stacks.client("ssm"), "SSM-SessionManagerRunShell").inputs["idleSessionTimeout"] == "20"
    assert stacks.delete("serverlessrepo-cfn-ssm-document") == "DELETE_COMPLETE"
