"""Three judges of contents and properties: the JSON Schema, the rules for cfn-lint, and the function itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jsonschema
from cfnlint.api import ManualArgs, lint
from emulator import EMULATORS_ACCOUNT, Emulator, emulator
from local_aws import REGION, ROOT, scratch_folder, ssm_model
from response_sink import response_sink

RULES = ROOT / "schema/cfn-lint"
SCHEMA = json.loads((ROOT / "schema/session-document.schema.json").read_text())
OURS = ("E9501", "E9502", "W9503", "W9504", "E9505")
TOKEN = f"arn:aws:lambda:{REGION}:{EMULATORS_ACCOUNT}:function:function"


def schemas_verdict(content: Any) -> str:
    return "taken" if jsonschema.Draft202012Validator(SCHEMA).is_valid(content) else "refused"


def findings(template: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the rules find in a template: the rule, the resource's logical id and the message."""
    config = ManualArgs(append_rules=[str(RULES)], regions=[REGION])
    matches = lint(json.dumps(template), config=config)
    broken = [match for match in matches if match.rule.id.startswith("E0")]
    assert not broken, broken
    return [(match.rule.id, logical_id(match), match.message) for match in matches if match.rule.id in (*OURS, "W1030")]


def logical_id(match: Any) -> str:
    return str(match.path[1]) if match.path and len(match.path) > 1 else ""


def rules_verdicts(resources: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The rules' verdict on each resource, all in one template."""
    verdicts = dict.fromkeys(resources, "taken")
    for rule, resource, _ in findings({"Resources": resources}):
        if rule == "W9504":
            continue
        if rule.startswith("E"):
            verdicts[resource] = "refused"
        elif verdicts[resource] == "taken":
            verdicts[resource] = "warned"
    return verdicts


def as_cloudformation_sends(value: Any) -> Any:
    """Every scalar as a string."""
    if isinstance(value, dict):
        return {key: as_cloudformation_sends(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_cloudformation_sends(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


@dataclass(frozen=True)
class Function:
    """The function with a local Systems Manager."""

    emulator: Emulator
    sink: Any

    def verdict(self, logical_id: str, resource: dict[str, Any]) -> tuple[str, str]:
        """What the function does with a resource, and its reason where it refuses."""
        properties = as_cloudformation_sends(resource["Properties"])
        response = self.send("Create", logical_id, resource["Type"], properties)
        if response["Status"] == "FAILED":
            return "refused", response["Reason"]
        name = response["PhysicalResourceId"]
        restore = properties | {"OnDelete": "Restore"}
        assert self.send("Delete", logical_id, resource["Type"], restore, name)["Status"] == "SUCCESS"
        return "taken", ""

    def send(self, kind: str, logical_id: str, resource_type: str, properties: dict, name: str | None = None) -> dict:
        event = {
            "RequestType": kind,
            "ResponseURL": self.sink.url,
            "StackId": f"arn:aws:cloudformation:{REGION}:{EMULATORS_ACCOUNT}:stack/corpus/e35602f9-3754-5548-b163-f65a19fc3cd2",
            "RequestId": f"{kind}-{logical_id}",
            "ResourceType": resource_type,
            "LogicalResourceId": logical_id,
            "ResourceProperties": properties,
        }
        told = self.emulator.invoke(event | ({"PhysicalResourceId": name} if name else {}))
        assert told is None, told
        response: dict[str, Any] = self.sink.next_response()
        return response

    def warned_documents(self) -> set[str]:
        """The documents whose content the function has warned of so far."""
        lines = [line for line in self.emulator.log.read_text().splitlines() if line.startswith("{")]
        warnings = [json.loads(line) for line in lines if "DocumentContent" in line]
        return {line["document"] for line in warnings if line["level"] == "WARN"}


@contextmanager
def function() -> Iterator[Function]:
    with (
        scratch_folder("schema") as folder,
        ssm_model(folder, EMULATORS_ACCOUNT) as url,
        response_sink() as sink,
        emulator(folder, url) as running,
    ):
        yield Function(running, sink)
