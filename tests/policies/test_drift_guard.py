"""The drift guard in the templates: which events reach the function, and what Off leaves out."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudformation import parse
from drift_events import ALICE, moved
from event_patterns import matches
from rendering import rendered

ROOT = Path(__file__).parents[2]
OWN_ROLE = "arn:aws:iam::111122223333:role/provider"
TEMPLATES = ["template.yaml", "stackset/template.yaml"]


def pattern(path: str) -> dict[str, Any]:
    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if isinstance(node, dict):
            if "Fn::GetAtt" in node:
                return OWN_ROLE
            return {key: resolved(value) for key, value in node.items()}
        return node

    return resolved(read(path)["Resources"]["DefaultVersionMoved"]["Properties"]["EventPattern"])


def event(identity: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """UpdateDocumentDefaultVersion, as EventBridge delivers it."""
    sample = moved("SSM-SessionManagerRunShell", "1", at="2026-11-21T19:41:10Z", region="eu-central-1", by=identity)
    return sample | {"detail": sample["detail"] | detail}


USER = ALICE
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


GUARDS_PARAMETERS = {"DriftGuard", "AlarmTopicArn"}
GUARDS_CONDITIONS = {"GuardsDrift", "SendsAlarms"}
GUARDS_RESOURCES = {
    "DailyDriftCheck",
    "DefaultVersionMoved",
    "DailyDriftCheckMayInvoke",
    "DefaultVersionMovedMayInvoke",
    "DriftAlarm",
}
GUARDS_STATEMENTS = {
    "ListDocumentsForTheDriftGuard": ("ssm:ListDocuments", "*"),
    "AskAboutStacksForTheDriftGuard": (
        "cloudformation:DescribeStacks",
        {"Fn::Sub": "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"},
    ),
}
TOPIC = "arn:aws:sns:eu-central-1:111122223333:drift"


def without_the_guard(value: Any) -> Any:
    """The template as if nobody had ever written the guard into it: everything that hangs on its conditions is cut out."""

    def is_of_guard(member: Any) -> bool:
        named = [member.get("Condition"), *member.get("Fn::If", [])[:1]] if isinstance(member, dict) else []
        return any(isinstance(name, str) and name in GUARDS_CONDITIONS for name in named)

    if isinstance(value, list):
        return [without_the_guard(item) for item in value if not is_of_guard(item)]
    if not isinstance(value, dict):
        return value
    named = GUARDS_PARAMETERS | GUARDS_CONDITIONS
    kept = {name: member for name, member in value.items() if name not in named and not is_of_guard(member)}
    return {name: without_the_guard(member) for name, member in kept.items()}


def read(path: str) -> dict[str, Any]:
    return parse((ROOT / path).read_text())


def statements(resources: dict[str, Any]) -> dict[str, dict[str, Any]]:
    policies = resources["ProviderRole"]["Properties"]["Policies"]
    listed = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return {statement.get("Sid", "log"): statement for statement in listed}


@pytest.mark.parametrize("path", TEMPLATES)
def test_off_leaves_the_resources_and_the_role_as_they_are_without_the_guard(path: str) -> None:
    bare = without_the_guard(read(path))
    # Nothing of the guard is left in what is compared with.
    text = json.dumps(bare["Resources"])
    for word in ("Drift", "DRIFT", "events.amazonaws.com", "ssm:ListDocuments", "cloudformation:DescribeStacks"):
        assert word not in text, word
    off = rendered(read(path), {"DriftGuard": "Off", "AlarmTopicArn": TOPIC})
    assert off == rendered(bare, {})
    assert off["ProviderRole"] == rendered(bare, {})["ProviderRole"]


@pytest.mark.parametrize("path", TEMPLATES)
@pytest.mark.parametrize("mode", ["Report", "Repair"])
def test_report_and_repair_add_the_rules_two_permissions_and_the_mode(path: str, mode: str) -> None:
    off = rendered(read(path), {"DriftGuard": "Off"})
    on = rendered(read(path), {"DriftGuard": mode, "AlarmTopicArn": TOPIC})
    assert set(on) - set(off) == GUARDS_RESOURCES
    assert "DriftAlarm" not in rendered(read(path), {"DriftGuard": mode})
    added = {sid: (one["Action"], one["Resource"]) for sid, one in statements(on).items() if sid not in statements(off)}
    assert added == GUARDS_STATEMENTS
    differing = {name for name in off if on[name] != off[name]}
    assert differing == {"ProviderRole", "ProviderFunction"}
    variables = [one["ProviderFunction"]["Properties"]["Environment"]["Variables"] for one in (off, on)]
    assert variables[1] == variables[0] | {"CFN_SSM_DOCUMENT_DRIFT_GUARD": {"Ref": "DriftGuard"}}


@pytest.mark.parametrize("path", TEMPLATES)
def test_report_is_the_default_and_the_alarm_reads_the_metric_that_the_function_counts(path: str) -> None:
    guard = read(path)["Parameters"]["DriftGuard"]
    assert (guard["Default"], guard["AllowedValues"]) == ("Report", ["Off", "Report", "Repair"])
    alarm = rendered(read(path), {"AlarmTopicArn": TOPIC})["DriftAlarm"]["Properties"]
    # src/drift/report.rs
    assert (alarm["Namespace"], alarm["MetricName"]) == ("cfn-ssm-document", "DriftedDocuments")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "ProviderFunction"}}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


@pytest.mark.parametrize("path", TEMPLATES)
def test_the_role_may_make_every_call_of_a_repair_in_every_mode(path: str) -> None:
    """A repair promotes, tags and reads: the resources need that as well, so Repair adds no permission to Report's."""
    documents = statements(rendered(read(path), {"DriftGuard": "Off"}))["DocumentsOfThisAccountAndRegion"]["Action"]
    assert {
        "ssm:DescribeDocument",
        "ssm:GetDocument",
        "ssm:ListDocumentVersions",
        "ssm:UpdateDocumentDefaultVersion",
        "ssm:AddTagsToResource",
    } <= set(documents)


@pytest.mark.parametrize("path", TEMPLATES)
def test_only_the_two_rules_may_invoke_the_function_in_addition(path: str) -> None:
    resources = rendered(read(path), {"DriftGuard": "Repair"})
    permissions = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::Permission"]
    rules = [{"Fn::GetAtt": [rule, "Arn"]} for rule in ("DailyDriftCheck", "DefaultVersionMoved")]
    assert [one["SourceArn"] for one in permissions] == rules
    assert all(one["Principal"] == "events.amazonaws.com" for one in permissions)
