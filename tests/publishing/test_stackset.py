"""The rendered StackSet template: what StackSets ask of it, and a StackSet made from it through the aws client."""

import base64
import hashlib
import json
import subprocess
import tomllib

import pytest
from emulated_aws import PREFIX, REGIONS, ROOT, EmulatedAws, publish
from function_zip import function_zip
from samcli.yamlhelper import yaml_parse
from stackset_render import render, with_code_keys

SOURCE = (ROOT / "template.yaml").read_text()
RENDERED = (ROOT / "stackset/template.yaml").read_text()
KEYS = {
    architecture: f"cfn-ssm-document/{digit * 64}.zip" for architecture, digit in {"arm64": "a", "x86_64": "b"}.items()
}


def test_the_committed_template_is_not_stale():
    assert render(SOURCE) == RENDERED, "run make stackset and commit the result"


def test_the_check_notices_a_change_of_the_source():
    assert render(SOURCE.replace("Timeout: 180", "Timeout: 60")) != RENDERED


def test_nothing_in_it_is_refused_by_service_managed_stacksets():
    template = yaml_parse(RENDERED)
    assert "Transform" not in template
    for macro in ("Fn::Transform", "Fn::ToJsonString", "Fn::ForEach", "AWS::Serverless", "AWS::CloudFormation::Stack"):
        assert macro not in RENDERED


def test_it_keeps_what_the_sources_function_has():
    before = yaml_parse(SOURCE)["Resources"]["ProviderFunction"]["Properties"]
    after = yaml_parse(RENDERED)["Resources"]
    function = after["ProviderFunction"]["Properties"]
    for name in ("Timeout", "MemorySize", "Handler", "Role", "LoggingConfig", "Environment", "Architectures"):
        assert function[name] == before[name]
    retries = after["ProviderFunctionEventInvokeConfig"]["Properties"]
    assert {name: retries[name] for name in before["EventInvokeConfig"]} == before["EventInvokeConfig"]
    assert function["Runtime"] == "provided.al2023"


def test_it_fits_into_a_request():
    assert len(with_code_keys(RENDERED, KEYS).encode()) < 51_200, "larger templates must come from a bucket"


def test_the_templates_say_the_version_of_the_crate():
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    source = yaml_parse(SOURCE)
    assert source["Outputs"]["Version"]["Value"] == version
    assert source["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"] == version


@pytest.fixture
def stackset(aws: EmulatedAws, binaries):
    """Published code, a StackSet of the provider alone that takes it, and the aws client to go on with."""
    assert publish(aws, binaries).returncode == 0
    template = binaries["arm64"].parent / "stackset.yaml"

    def client(*arguments: str) -> dict:
        run = subprocess.run(
            ["aws", "cloudformation", *arguments, "--output", "json"],
            env=aws.environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout or "{}")

    client(
        "create-stack-set",
        *("--stack-set-name", "cfn-ssm-document"),
        *("--template-body", f"file://{template}"),
        *("--capabilities", "CAPABILITY_IAM"),
        *("--parameters", f"ParameterKey=BucketPrefix,ParameterValue={PREFIX}"),
        "ParameterKey=ManagePreferences,ParameterValue=false",
        # The emulator puts a colon into the name of the function, and then can't add a permission to it.
        "ParameterKey=DriftGuard,ParameterValue=Off",
    )
    return client


def test_a_stackset_takes_the_template_with_its_parameters(stackset):
    described = stackset("describe-stack-set", "--stack-set-name", "cfn-ssm-document")["StackSet"]
    given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described["Parameters"]}
    assert described["Status"] == "ACTIVE"
    assert given == {"BucketPrefix": PREFIX, "ManagePreferences": "false", "DriftGuard": "Off"}


def test_each_instance_runs_the_code_of_its_own_regions_bucket(stackset, aws, binaries):
    stackset(
        "create-stack-instances",
        *("--stack-set-name", "cfn-ssm-document"),
        *("--accounts", "123456789012"),
        *("--regions", *REGIONS),
    )
    published = function_zip(binaries["arm64"].read_bytes())
    for region in REGIONS:
        (function,) = aws.client("lambda", region).list_functions()["Functions"]
        assert function["CodeSha256"] == base64.b64encode(hashlib.sha256(published).digest()).decode()


def test_instances_are_made_per_account_and_region_and_one_can_differ(stackset):
    accounts, regions = ["123456789012", "444455556666"], REGIONS
    stackset(
        "create-stack-instances",
        *("--stack-set-name", "cfn-ssm-document"),
        *("--accounts", *accounts),
        *("--regions", *regions),
    )
    instances = stackset("list-stack-instances", "--stack-set-name", "cfn-ssm-document")["Summaries"]
    places = {(instance["Account"], instance["Region"]) for instance in instances}
    assert places == {(account, region) for account in accounts for region in regions}

    stackset(
        "update-stack-instances",
        *("--stack-set-name", "cfn-ssm-document"),
        *("--accounts", accounts[1]),
        *("--regions", regions[1]),
        *("--parameter-overrides", "ParameterKey=LogLevel,ParameterValue=DEBUG"),
    )
    instance = stackset(
        "describe-stack-instance",
        *("--stack-set-name", "cfn-ssm-document"),
        *("--stack-instance-account", accounts[1]),
        *("--stack-instance-region", regions[1]),
    )["StackInstance"]
    assert instance["ParameterOverrides"] == [{"ParameterKey": "LogLevel", "ParameterValue": "DEBUG"}]
