"""What every example keeps to, so that it works in a real account, where policies are enforced and sessions start."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from local_aws import ROOT
from samcli.yamlhelper import yaml_parse

TEXTS = {path.stem: path.read_text() for path in sorted((ROOT / "examples").glob("*.yaml"))}
TEMPLATES = {name: yaml_parse(text) for name, text in TEXTS.items()}
every_example = pytest.mark.parametrize("name", TEMPLATES)


def statements(name: str) -> Iterator[dict]:
    """Every statement of every policy of an example, those inside an Fn::If too."""

    def walk(node: object) -> Iterator[dict]:
        if isinstance(node, dict) and "Effect" in node:
            yield node
        elif isinstance(node, dict | list):
            for child in node.values() if isinstance(node, dict) else node:
                yield from walk(child)

    return walk(TEMPLATES[name]["Resources"])


def actions(statement: dict) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else action


@every_example
def test_the_header_says_what_was_and_what_was_not_tried(name):
    header = TEXTS[name].split("AWSTemplateFormatVersion")[0]
    assert "Tried here: " in header
    assert "Not tried: " in header or name == "parameter-tier"


@every_example
def test_the_service_token_comes_from_the_parameter_that_the_provider_publishes(name):
    template = TEMPLATES[name]
    if any(resource["Type"].startswith("Custom::") for resource in template["Resources"].values()):
        provider = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]["ServiceTokenParameterName"]
        parameter = template["Parameters"]["ServiceToken"]
        assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
        assert parameter["Default"] == provider["Default"]
        assert "AllowedPattern" not in parameter, "it would be matched against the parameter's name"


@every_example
def test_a_first_deployment_that_fails_can_be_repeated(name):
    for resource in TEMPLATES[name]["Resources"].values():
        assert resource.get("DeletionPolicy") in (None, "Delete", "RetainExceptOnCreate")


@every_example
def test_no_region_and_no_partition_is_fixed(name):
    lines = [line for line in TEXTS[name].splitlines() if not line.lstrip().startswith(("#", "AllowedPattern"))]
    text = "\n".join(lines)
    assert "arn:aws" not in text
    assert not re.search(r"\b(us|eu|ap)-[a-z]+-[0-9]\b", text)


@every_example
def test_policies_name_documents_by_name_and_so_do_not_wait_for_them(name):
    documents = {id_ for id_, item in TEMPLATES[name]["Resources"].items() if item["Type"] == "Custom::SsmDocument"}
    for statement in statements(name):
        for document in documents:
            assert f'"{document}' not in json.dumps(statement.get("Resource", "")), statement
            assert f"${{{document}" not in json.dumps(statement.get("Resource", "")), statement


@every_example
def test_people_end_and_resume_the_sessions_that_bear_their_own_user_id(name):
    for statement in statements(name):
        if {"ssm:TerminateSession", "ssm:ResumeSession"} & set(actions(statement)):
            assert statement["Condition"] == {
                "StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}
            }
            assert statement["Resource"]["Fn::Sub"].endswith(":session/*")
            assert "ssmmessages:OpenDataChannel" not in actions(statement)


@every_example
def test_whoever_may_start_a_session_may_open_its_channel_which_knows_no_resource(name):
    found = list(statements(name))
    if any("ssm:StartSession" in actions(statement) for statement in found):
        (channel,) = [statement for statement in found if "ssmmessages:OpenDataChannel" in actions(statement)]
        assert channel["Resource"] == "*"
        assert "Condition" not in channel


@every_example
def test_starting_an_automation_names_the_document_and_the_execution(name):
    for statement in statements(name):
        if "ssm:StartAutomationExecution" in actions(statement):
            resources = json.dumps(statement["Resource"])
            assert ":document/" in resources
            assert ":automation-execution/*" in resources


@pytest.mark.parametrize("name", ["session-logging", "ecs-exec-logging"])
def test_the_first_pass_demands_no_encryption(name):
    assert TEMPLATES[name]["Parameters"]["RequireEncryption"]["Default"] == "false"


def test_every_endpoint_of_the_instance_is_one_that_its_role_can_use():
    resources = TEMPLATES["managed-instance"]["Resources"]
    allowed = {action.split(":")[0] for statement in statements("managed-instance") for action in actions(statement)}
    endpoints = [item["Properties"] for item in resources.values() if item["Type"] == "AWS::EC2::VPCEndpoint"]
    services = {endpoint["ServiceName"]["Fn::Sub"].rsplit(".", 1)[1] for endpoint in endpoints}
    assert services == {"ssm", "ssmmessages", "logs", "kms", "s3"}
    assert services <= allowed
    for name, action in {"LogsEndpoint": "LogsToLogGroup", "KmsEndpoint": "Encrypts"}.items():
        condition = TEMPLATES["managed-instance"]["Conditions"][resources[name]["Condition"]]
        assert {"Condition": action} in condition["Fn::And"]


@pytest.mark.parametrize("reason", ["2026-01-01", "yes", "1.0", "Taken by a runbook"])
def test_every_reason_that_the_runbooks_parameter_admits_stays_a_text(reason):
    template = TEMPLATES["automation-runbook"]
    assert re.fullmatch(template["Parameters"]["Reason"]["AllowedPattern"], reason)
    content = template["Resources"]["SnapshotVolume"]["Properties"]["DocumentContent"]["Fn::Sub"]
    runbook = yaml.safe_load(content.replace("${Reason}", reason))
    assert runbook["mainSteps"][0]["inputs"]["Description"] == reason
