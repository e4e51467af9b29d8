"""Every example as a stack on the local AWS: created, changed, rolled back, deleted.

A move of docs/migration.md, too. The local AWS enforces the role of the function, not the examples' own
policies, which tests/policies reads. What it can't show: instances don't start, schedules and sessions don't run, and the
content of documents that are not Session documents is taken as it is.
"""

import contextlib
import json
import re

import pytest
from local_aws import ROOT
from published_provider import IMAGE
from samcli.yamlhelper import yaml_parse
from stacks import Stacks

# A change of each example that its documents or settings have to follow.
CHANGES = {
    "automation-runbook": {"Reason": "Before a change"},
    "block-public-sharing": {"PublicSharing": "Enable"},
    "change-template": {"ApproverGroup": "release-managers"},
    "command": {"TimeoutSeconds": "90", "VersionName": "release-2"},
    "database-queries": {"Rows": "5"},
    "default-host-management": {"RoleName": "HostManagement"},
    "ecs-exec-logging": {"RequireEncryption": "true"},
    "inventory-policy": {"NetworkConfig": "Disabled"},
    "managed-instance": {"Team": "web"},
    "night-stop": {"NightBegins": "1100", "NightEnds": "2200", "NightEndsOn": "SameDay"},
    "package": {"Release": "1.0.1"},
    "parameter-tier": {"Tier": "Advanced"},
    "port-forwarding": {"Host": "database.example.internal", "DbiResourceId": "db-ABCDEFGHIJKL01234"},
    "restricted-commands": {"Lines": "10"},
    "session-logging": {"RequireEncryption": "true"},
    "session-preferences": {"IdleSessionTimeout": "5"},
    "team-session": {"IdleSessionTimeout": "5"},
}
# These change something beside their documents, which refer to it by name.
DOCUMENTS_STAY = {"ecs-exec-logging", "managed-instance"}


class Example:
    """One example's stack."""

    def __init__(self, stacks: Stacks, name: str) -> None:
        self.stacks = stacks
        self.name = name
        self.template = yaml_parse((ROOT / "examples" / f"{name}.yaml").read_text())
        self.given = {}
        if "ImageId" in self.template["Parameters"]:
            self.given["ImageId"] = IMAGE

    def put(self, changes: dict[str, str], template: dict | None = None) -> str:
        return self.stacks.put(self.name, json.dumps(template or self.template), self.given | changes)

    def physical_ids(self, resource_type: str) -> list[str]:
        resources = self.stacks.client("cloudformation").describe_stack_resources(StackName=self.name)
        return [
            resource["PhysicalResourceId"]
            for resource in resources["StackResources"]
            if resource["ResourceType"] == resource_type
        ]

    def default_version(self) -> dict[str, str]:
        """What the documents and settings of the stack say now."""
        ssm = self.stacks.client("ssm")
        documents = self.physical_ids("Custom::SsmDocument")
        return {name: ssm.get_document(Name=name)["Content"] for name in documents} | self.settings()

    def settings(self) -> dict[str, str]:
        """The values of the service settings that the template names."""
        ssm = self.stacks.client("ssm")
        ids = [resource["Properties"]["SettingId"] for resource in self.resources("Custom::SsmServiceSetting")]
        return {
            setting: ssm.get_service_setting(SettingId=setting)["ServiceSetting"]["SettingValue"] for setting in ids
        }

    def resources(self, resource_type: str, on_delete: str | None = None) -> list[dict]:
        """Those of a type, and of them those whose OnDelete is this one or, said or not, `Retain`."""
        resources = [resource for resource in self.template["Resources"].values() if resource["Type"] == resource_type]
        if on_delete is None:
            return resources
        return [item for item in resources if self.on_delete(item) == on_delete]

    def on_delete(self, resource: dict) -> str:
        said = resource["Properties"].get("OnDelete", "Retain")
        return said if isinstance(said, str) else self.template["Parameters"][said["Ref"]]["Default"]

    def with_a_resource_that_fails(self) -> dict:
        """The same template with one more resource, made last, that is refused."""
        broken = {
            "Type": "Custom::SsmDocument",
            "DependsOn": list(self.template["Resources"]),
            "Properties": {
                "ServiceToken": self.stacks.outputs("cfn-ssm-document")["ServiceToken"],
                "ServiceTimeout": 900,
                "DocumentName": "broken",
                "DocumentContent": "{}",
            },
        }
        return self.template | {"Resources": self.template["Resources"] | {"Broken": broken}}


def test_every_example_is_tried():
    # The layers are tried together, as two stacks.
    assert set(CHANGES) | {"layered-preferences"} == {path.stem for path in (ROOT / "examples").glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_an_example_is_created_changed_rolled_back_and_deleted(stacks, name):
    example = Example(stacks, name)
    settings_before = example.settings()
    assert example.put({}) == "CREATE_COMPLETE", stacks.reasons(name)
    created = example.default_version()
    documents = example.physical_ids("Custom::SsmDocument")

    assert example.put(CHANGES[name]) == "UPDATE_COMPLETE", stacks.reasons(name)
    changed = example.default_version()
    settings_changed = example.settings()
    assert (changed == created) == (name in DOCUMENTS_STAY)

    status = example.put({}, example.with_a_resource_that_fails())
    assert status == "UPDATE_ROLLBACK_COMPLETE", stacks.reasons(name)
    assert example.default_version() == changed

    assert stacks.delete(name) == "DELETE_COMPLETE"
    ssm = stacks.client("ssm")
    kept = [resource["Properties"]["DocumentName"] for resource in example.resources("Custom::SsmDocument", "Retain")]
    for document in documents:
        if document in kept:
            tags = ssm.list_tags_for_resource(ResourceType="Document", ResourceId=document)["TagList"]
            assert not [tag for tag in tags if tag["Key"].startswith("cfn-ssm-document:")]
        else:
            with pytest.raises(ssm.exceptions.InvalidDocument):
                ssm.describe_document(Name=document)
    restores = example.resources("Custom::SsmServiceSetting", "Restore")
    assert example.settings() == (settings_before if restores else settings_changed)


def test_the_twenty_lines_of_the_readme_deploy(stacks):
    (template, *_) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert template.count("\n") <= 20
    assert stacks.put("readme", template) == "CREATE_COMPLETE", stacks.reasons("readme")
    content = json.loads(stacks.client("ssm").get_document(Name="SSM-SessionManagerRunShell")["Content"])
    assert content["inputs"]["idleSessionTimeout"] == "15"
    assert content["inputs"]["runAsEnabled"] is False
    assert stacks.delete("readme") == "DELETE_COMPLETE"


def test_a_document_moves_to_another_logical_id_in_one_deployment_as_the_migration_guide_says(stacks):
    example = Example(stacks, "port-forwarding")
    assert example.put({}) == "CREATE_COMPLETE", stacks.reasons(example.name)
    (document,) = example.physical_ids("Custom::SsmDocument")

    resources = example.template["Resources"]
    moved = json.loads(json.dumps(resources.pop("DatabaseTunnel")))
    moved["Properties"]["OnExisting"] = "TakeOver"
    resources["MovedTunnel"] = moved
    example.template["Outputs"] = {}
    assert example.put({}) == "UPDATE_COMPLETE", stacks.reasons(example.name)

    ssm = stacks.client("ssm")
    described = ssm.describe_document(Name=document)["Document"]
    owner = {tag["Key"]: tag["Value"] for tag in described["Tags"]}["cfn-ssm-document:logical-id"]
    assert (described["DefaultVersion"], owner) == ("1", "MovedTunnel")
    assert stacks.delete(example.name) == "DELETE_COMPLETE"
    assert ssm.describe_document(Name=document)["Document"]["DefaultVersion"] == "1", "it was adopted, so it stays"
    ssm.delete_document(Name=document)


def test_two_layers_share_the_preferences_and_a_third_is_refused_a_key_that_is_taken(stacks):
    ssm, name = stacks.client("ssm"), "SSM-SessionManagerRunShell"
    base = json.dumps(
        {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "20"}}
    )
    with contextlib.suppress(ssm.exceptions.InvalidDocument):
        ssm.delete_document(Name=name)  # What an example before left, as its OnDelete says.
    ssm.create_document(Name=name, DocumentType="Session", Content=base)
    template = (ROOT / "examples/layered-preferences.yaml").read_text()
    security = {"IdleSessionTimeout": "", "KmsKeyId": "alias/sessions", "CloudWatchLogGroupName": "/session-manager"}
    assert stacks.put("security", template, security) == "CREATE_COMPLETE", stacks.reasons("security")
    assert stacks.put("workload", template, {"IdleSessionTimeout": "5"}) == "CREATE_COMPLETE", stacks.reasons(
        "workload"
    )
    assert stacks.put("workload", template, {"IdleSessionTimeout": "6"}) == "UPDATE_COMPLETE", stacks.reasons(
        "workload"
    )

    def inputs():
        return json.loads(ssm.get_document(Name=name)["Content"])["inputs"]

    logs = {"cloudWatchLogGroupName": "/session-manager", "cloudWatchStreamingEnabled": True}
    assert inputs() == {"idleSessionTimeout": "6", "kmsKeyId": "alias/sessions"} | logs
    assert stacks.put("third", template, {"LinuxShellProfile": "cd", "IdleSessionTimeout": "7"}) == "ROLLBACK_COMPLETE"
    assert "inputs.idleSessionTimeout is managed by another resource (stack workload)" in stacks.reasons("third")
    for stack in ("third", "security", "workload"):
        assert stacks.delete(stack) == "DELETE_COMPLETE"
    assert json.loads(ssm.get_document(Name=name)["Content"]) == json.loads(base)
    ssm.delete_document(Name=name)
