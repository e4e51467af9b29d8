"""The drift guard in the templates: which events reach the function, and what Off leaves out."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from event_patterns import matches

ROOT = Path(__file__).parents[2]
OWN_ROLE = "arn:aws:iam::111122223333:role/provider"
TEMPLATES = ["template.yaml", "stackset/template.yaml"]


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions as mappings."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _function)


def template(path: str) -> dict[str, Any]:
    return yaml.load((ROOT / path).read_text(), Loader)


def pattern(path: str) -> dict[str, Any]:
    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if isinstance(node, dict):
            if set(node) & {"GetAtt", "Fn::GetAtt"}:
                return OWN_ROLE
            return {key: resolved(value) for key, value in node.items()}
        return node

    return resolved(template(path)["Resources"]["DefaultVersionMoved"]["Properties"]["EventPattern"])


def event(identity: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """UpdateDocumentDefaultVersion, as EventBridge delivers it."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ssm",
        "account": "111122223333",
        "time": "2026-11-21T19:41:10Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.08",
            "userIdentity": identity,
            "eventTime": "2026-11-21T19:41:10Z",
            "eventSource": "ssm.amazonaws.com",
            "eventName": "UpdateDocumentDefaultVersion",
            "awsRegion": "eu-central-1",
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.31.0",
            "requestParameters": {"name": "SSM-SessionManagerRunShell", "documentVersion": "1"},
            "responseElements": {"description": {"defaultVersion": "1", "name": "SSM-SessionManagerRunShell"}},
            "requestID": "0e2f0b3c-0000-4000-8000-000000000001",
            "eventID": "0e2f0b3c-0000-4000-8000-000000000002",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": "111122223333",
            "eventCategory": "Management",
        }
        | detail,
    }


USER = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLE",
    "arn": "arn:aws:iam::111122223333:user/alice",
    "accountId": "111122223333",
    "accessKeyId": "AKIAEXAMPLE",
    "userName": "alice",
}
USER_WITH_SESSION = USER | {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}
ROOT_USER = {
    "type": "Root",
    "principalId": "111122223333",
    "arn": "arn:aws:iam::111122223333:root",
    "accountId": "111122223333",
    "sessionContext": {"attributes": {"creationDate": "2026-11-21T19:00:00Z"}},
}


def assumed(role_arn: str) -> dict[str, Any]:
    role = role_arn.rsplit("/", 1)[1]
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:session",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/session",
        "accountId": "111122223333",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": role_arn, "accountId": "111122223333", "userName": role},
            "attributes": {"mfaAuthenticated": "false"},
        },
    }


@pytest.mark.parametrize("path", TEMPLATES)
@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (event(USER), True),
        (event(USER_WITH_SESSION), True),
        (event(ROOT_USER), True),
        (event(assumed("arn:aws:iam::111122223333:role/Admin")), True),
        (event(assumed(OWN_ROLE)), False),
        (event(USER, errorCode="AccessDenied", errorMessage="no"), False),
        (event(USER, eventName="UpdateDocument"), False),
        (event(USER) | {"source": "aws.s3"}, False),
    ],
)
def test_the_rule_matches_whoever_moved_a_default_version_but_not_the_function(path: str, sample: Any, expected: bool):
    assert matches(pattern(path), sample) is expected


def test_the_evaluator_knows_absent_from_null_and_refuses_what_it_does_not_know():
    assert matches({"a": {"b": [{"exists": False}]}}, {}) and not matches({"a": [{"exists": False}]}, {"a": None})
    assert not matches({"a": [{"anything-but": "x"}]}, {}) and matches({"a": [{"anything-but": "x"}]}, {"a": "y"})
    assert matches({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}) and not matches({"a": [1]}, {"a": 2})
    with pytest.raises(NotImplementedError):
        matches({"a": [{"prefix": "x"}]}, {"a": "xy"})


@pytest.mark.parametrize("path", TEMPLATES)
def test_off_leaves_out_every_resource_and_permission_of_the_guard(path: str):
    resources = template(path)["Resources"]
    guards = {name: one["Condition"] for name, one in resources.items() if "Drift" in name or "DefaultVersion" in name}
    assert set(guards) == {
        "DailyDriftCheck", "DefaultVersionMoved", "DailyDriftCheckMayInvoke", "DefaultVersionMovedMayInvoke", "DriftAlarm",
    }  # fmt: skip
    assert set(guards.values()) == {"GuardsDrift", "SendsAlarms"}
    listing = [one for one in _statements(resources) if "ListDocuments" in str(one) and "GuardsDrift" in str(one)]
    assert len(listing) == 1 and str(_statements(resources)).count("'ssm:ListDocuments'") == 1


def _statements(resources: dict[str, Any]) -> list[Any]:
    policies = resources["ProviderRole"]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("path", TEMPLATES)
def test_only_the_two_rules_may_invoke_the_function_in_addition(path: str):
    resources = template(path)["Resources"].values()
    permissions = [one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::Permission"]
    assert len(permissions) == 2
    assert all(one["Principal"] == "events.amazonaws.com" and "SourceArn" in one for one in permissions)
