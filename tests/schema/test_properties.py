"""The rules for cfn-lint and the function agree on the properties; what the rules see behind intrinsic functions."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from judges import RULES, TOKEN, findings, function, rules_verdicts
from local_aws import ROOT

CASES = yaml.safe_load((ROOT / "tests/schema/properties.yaml").read_text())
SESSION = '{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "20"}}'
OF_CLOUDFORMATION = {"ServiceToken": TOKEN, "ServiceTimeout": 900}


def document(**changes: Any) -> dict[str, Any]:
    properties = OF_CLOUDFORMATION | {"DocumentName": "session", "DocumentContent": SESSION} | changes
    given = {name: value for name, value in properties.items() if value is not None}
    return {"Type": "Custom::SsmDocument", "Properties": given}


def resource(case: dict[str, Any]) -> dict[str, Any]:
    if "setting" in case:
        return {"Type": "Custom::SsmServiceSetting", "Properties": OF_CLOUDFORMATION | case["setting"]}
    return document(**case["document"])


def test_rules_and_function_agree_on_every_set_of_properties() -> None:
    resources = {f"Case{index}": resource(case) for index, case in enumerate(CASES)}
    with function() as running:
        of_function = {key: running.verdict(key, one) for key, one in resources.items()}
    of_rules = rules_verdicts(resources)
    for key, (verdict, reason) in of_function.items():
        case = CASES[int(key.removeprefix("Case"))]
        assert (case["name"], verdict) == (case["name"], case["verdict"]), reason
    disagreeing = [CASES[int(key[4:])]["name"] for key in resources if of_rules[key] != of_function[key][0]]
    assert disagreeing == []


def test_the_function_knows_each_property_that_the_rules_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(RULES))
    properties = importlib.import_module("_ssm_properties")
    with function() as running:
        for name in properties.DOCUMENT_PROPERTIES:
            _, reason = running.verdict(f"Knows{name}", document(**{name: ["neither text nor choice"]}))
            assert f'"{name}": is not a property of this resource' not in reason


def template(parameters: dict[str, Any], **resources: Any) -> dict[str, Any]:
    conditions = {"Production": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}}
    return {"Parameters": parameters, "Conditions": conditions, "Resources": resources}


def rules_found(one: dict[str, Any], parameters: dict[str, Any] | None = None) -> list[str]:
    return sorted({rule for rule, _, _ in findings(template(parameters or {}, Document=one))})


def session(**inputs: Any) -> dict[str, Any]:
    return {
        "schemaVersion": "1.0",
        "sessionType": "Standard_Stream",
        "inputs": {"idleSessionTimeout": "20"} | inputs,
    }


PRODUCTION = "Production"
MINUTES = {"Minutes": {"Type": "String", "AllowedValues": ["5", "15"], "Default": "5"}}
HOURS = {"Minutes": {"Type": "String", "Default": "120"}}


@pytest.mark.parametrize(
    ("one", "parameters", "expected"),
    [
        (document(DocumentContent=session(idleSessionTimeout={"Ref": "Minutes"})), MINUTES, []),
        (document(DocumentContent=session(idleSessionTimeout={"Ref": "Minutes"})), HOURS, ["W1030"]),
        (document(DocumentContent=session(runAsEnabled={"Fn::If": [PRODUCTION, "false", False]})), {}, []),
        (document(DocumentContent=session(runAsEnabled={"Fn::If": [PRODUCTION, "false", "no"]})), {}, ["E9502"]),
        (document(DocumentContent=session(kmsKeyId={"Fn::If": [PRODUCTION, "x", {"Ref": "AWS::NoValue"}]})), {}, []),
        (document(DocumentContent=session(kmsKeyId={"Fn::ImportValue": "key"})), {}, []),
        (document(DocumentContent={"Fn::If": [PRODUCTION, session(), session(runAsEnabled="no")]}), {}, ["E9502"]),
        (document(DocumentContent={"Fn::If": [PRODUCTION, SESSION, "[]"]}), {}, ["E9502"]),
        (document(DocumentContent={"Fn::Sub": SESSION.replace("20", "${Minutes}")}), MINUTES, []),
        (document(DocumentContent={"Fn::Sub": SESSION.replace("20", "${Minutes}, ")}), MINUTES, ["E9502"]),
        (document(DocumentContent={"Fn::Sub": SESSION.replace("inputs", "input")}), {}, ["E9502", "W9503"]),
        (document(DocumentContent={"Fn::Sub": [SESSION.replace("20", "${M}"), {"M": "5"}]}), {}, []),
        (document(DocumentContent={"Fn::Sub": SESSION.replace('"20"', "${Minutes}")}), MINUTES, []),
        (document(DocumentContent={"Fn::Join": ["", [SESSION]]}), {}, []),
        (document(DocumentName={"Fn::Sub": "${AWS::StackName}-session"}), {}, []),
        (document(OnDelete={"Fn::If": [PRODUCTION, "Retain", "Restore"]}), {}, []),
        (document(OnDelete={"Fn::If": [PRODUCTION, "Retain", "Delete"]}), {}, ["E9501"]),
        (document(AccountIds={"Ref": "Accounts"}), {"Accounts": {"Type": "CommaDelimitedList"}}, []),
        (document(Tags=[{"Key": "stack", "Value": {"Ref": "AWS::StackName"}}]), {}, []),
        (document(VersionName={"Fn::If": [PRODUCTION, "x", {"Ref": "AWS::NoValue"}]}), {}, []),
        (document(ServiceTimeout=None), {}, ["W9504"]),
        (document(ContentMode="Merge", DocumentContent={"inputs": {"kmsKeyId": "x"}}), {}, []),
        (document(ContentMode="Merge", DocumentContent={"inputs": {"kmsKey": "x"}}), {}, ["W9503"]),
        (document(ContentMode="Merge", DocumentContent={"inputs": {}, "parameters": {}}), {}, ["E9502"]),
        (document(DocumentType={"Ref": "Type"}, DocumentContent="x: 1"), {"Type": {"Type": "String"}}, []),
    ],
)
def test_intrinsic_functions_are_followed_as_far_as_they_can_be(
    one: dict[str, Any], parameters: dict[str, Any], expected: list[str]
) -> None:
    assert rules_found(one, parameters) == expected


def test_a_finding_names_the_place_and_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    one = document(DocumentContent=session(idleSesionTimeout="5"), OnExsiting="Adopt")
    path.write_text(json.dumps({"Resources": {"Document": one}}))
    command = [Path(sys.executable).parent / "cfn-lint", "--append-rules", RULES, "--format", "json", "--", path]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    found = {finding["Rule"]["Id"]: finding for finding in json.loads(run.stdout)}
    assert "Did you mean 'idleSessionTimeout'?" in found["W9503"]["Message"]
    assert found["W9503"]["Location"]["Path"][-3:] == ["DocumentContent", "inputs", "idleSesionTimeout"]
    assert "Did you mean 'OnExisting'?" in found["E9501"]["Message"]
