"""Several stacks share one document by its keys (ContentMode: Merge), on the local AWS."""

import itertools
import json
from typing import Any

import pytest
from document_view import view
from stacks import Stacks

numbers = itertools.count(1)
BASE = {
    "schemaVersion": "1.0",
    "sessionType": "Standard_Stream",
    "inputs": {"idleSessionTimeout": "20", "runAsEnabled": False, "kmsKeyId": ""},
}


class SharedDocument:
    """A document of its own name, and the stacks that have keys of it."""

    def __init__(self, stacks: Stacks, token: str) -> None:
        self.stacks, self.token = stacks, token
        self.name = f"shared-{next(numbers)}"
        self.ssm = stacks.client("ssm")

    def stack(self, team: str) -> str:
        return f"{self.name}-{team}"

    def put(self, team: str, inputs: dict[str, Any], **properties: Any) -> str:
        """Creates or updates a team's stack; gives the status it ended in."""
        base = {"ServiceToken": self.token, "ServiceTimeout": 60, "DocumentName": self.name, "ContentMode": "Merge"}
        keys = {"OnDelete": "Restore", "DocumentContent": {"inputs": inputs}}
        resource = {"Type": "Custom::SsmDocument", "Properties": base | keys | properties}
        outputs = {"Keys": {"Value": {"Fn::GetAtt": ["Keys", "ManagedKeys"]}}}
        return self.stacks.put(self.stack(team), json.dumps({"Resources": {"Keys": resource}, "Outputs": outputs}))

    def delete(self, team: str) -> None:
        assert self.stacks.delete(self.stack(team)) == "DELETE_COMPLETE"

    def by_hand(self, inputs: dict[str, Any]) -> None:
        """Somebody changes inputs of the default version, as the console does."""
        content = json.loads(self.ssm.get_document(Name=self.name)["Content"])
        content["inputs"] |= inputs
        made = self.ssm.update_document(Name=self.name, Content=json.dumps(content), DocumentVersion="$LATEST")
        version = made["DocumentDescription"]["DocumentVersion"]
        self.ssm.update_document_default_version(Name=self.name, DocumentVersion=version)

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.ssm.get_document(Name=self.name)["Content"])

    @property
    def inputs(self) -> dict[str, Any]:
        return view(self.ssm, self.name).inputs

    @property
    def tags(self) -> list[str]:
        tags = self.ssm.list_tags_for_resource(ResourceType="Document", ResourceId=self.name)["TagList"]
        return sorted(tag["Key"] for tag in tags)


@pytest.fixture
def shared(stacks: Stacks, service_token: str) -> SharedDocument:
    return SharedDocument(stacks, service_token)


@pytest.fixture
def made_by_hand(shared: SharedDocument) -> SharedDocument:
    shared.ssm.create_document(Name=shared.name, DocumentType="Session", Content=json.dumps(BASE))
    return shared


def test_two_stacks_share_a_document_and_each_deletion_puts_back_its_own_keys(made_by_hand: SharedDocument) -> None:
    shared = made_by_hand
    assert shared.put("security", {"kmsKeyId": "alias/a"}) == "CREATE_COMPLETE", shared.stacks.reasons(shared.name)
    assert shared.put("workload", {"idleSessionTimeout": "5", "shellProfile": {"linux": "cd"}}) == "CREATE_COMPLETE"
    together = {
        "idleSessionTimeout": "5",
        "runAsEnabled": False,
        "kmsKeyId": "alias/a",
        "shellProfile": {"linux": "cd"},
    }
    assert shared.inputs == together
    keys = "inputs.idleSessionTimeout,inputs.shellProfile.linux"
    assert shared.stacks.outputs(shared.stack("workload"))["Keys"] == keys

    shared.delete("workload")
    assert shared.inputs == BASE["inputs"] | {"kmsKeyId": "alias/a"}
    shared.delete("security")
    assert (shared.content, shared.tags) == (BASE, [])


def test_two_stacks_create_a_document_and_the_last_one_deletes_it(shared: SharedDocument) -> None:
    shared.put("security", {"kmsKeyId": "alias/a"})
    shared.put("workload", {"idleSessionTimeout": "5"})
    assert (shared.inputs["kmsKeyId"], shared.inputs["idleSessionTimeout"]) == ("alias/a", "5")
    shared.delete("security")
    assert (shared.inputs["kmsKeyId"], shared.inputs["idleSessionTimeout"]) == ("", "5")
    shared.delete("workload")
    with pytest.raises(shared.ssm.exceptions.InvalidDocument):
        shared.ssm.describe_document(Name=shared.name)


def test_a_third_stack_that_wants_a_taken_key_fails_by_its_name(made_by_hand: SharedDocument) -> None:
    shared = made_by_hand
    shared.put("security", {"kmsKeyId": "alias/a"})
    shared.put("workload", {"idleSessionTimeout": "5"})
    before = (shared.content, shared.tags)
    assert shared.put("third", {"kmsKeyId": "alias/secret", "maxSessionDuration": "60"}) == "ROLLBACK_COMPLETE"
    reasons = shared.stacks.reasons(shared.stack("third"))
    assert f"inputs.kmsKeyId is managed by another resource (stack {shared.stack('security')})." in reasons
    assert "alias/secret" not in reasons
    assert "maxSessionDuration" not in reasons
    assert (shared.content, shared.tags) == before


def test_a_hand_edit_of_a_foreign_key_survives(made_by_hand: SharedDocument) -> None:
    shared = made_by_hand
    shared.put("workload", {"idleSessionTimeout": "5"})
    shared.by_hand({"runAsEnabled": True, "runAsDefaultUser": "ops"})
    assert shared.put("workload", {"idleSessionTimeout": "6"}) == "UPDATE_COMPLETE"
    edited = {"runAsEnabled": True, "runAsDefaultUser": "ops", "kmsKeyId": ""}
    assert shared.inputs == edited | {"idleSessionTimeout": "6"}
    shared.delete("workload")
    assert shared.inputs == edited | {"idleSessionTimeout": "20"}


def test_a_stack_that_owns_the_whole_document_moves_to_merge_before_others_share_it(shared: SharedDocument) -> None:
    whole = {"ContentMode": "Replace", "DocumentContent": json.dumps(BASE)}
    replace = {
        "Type": "Custom::SsmDocument",
        "Properties": whole | {"ServiceToken": shared.token, "ServiceTimeout": 60},
    }
    replace["Properties"]["DocumentName"] = shared.name
    assert (
        shared.stacks.put(shared.stack("platform"), json.dumps({"Resources": {"Keys": replace}})) == "CREATE_COMPLETE"
    )
    assert shared.put("workload", {"idleSessionTimeout": "5"}) == "ROLLBACK_COMPLETE"
    assert "ContentMode: Merge first" in shared.stacks.reasons(shared.stack("workload"))
    shared.delete("workload")

    assert shared.put("platform", {"kmsKeyId": "alias/a"}) == "UPDATE_COMPLETE"
    assert shared.put("workload", {"idleSessionTimeout": "5"}) == "CREATE_COMPLETE"
    assert shared.inputs == BASE["inputs"] | {"kmsKeyId": "alias/a", "idleSessionTimeout": "5"}


def test_the_provider_keeps_some_preferences_and_leaves_the_others(stacks: Stacks, built, service_token: str) -> None:
    """template.yaml with ContentMode=Merge: what is not given is Unmanaged."""
    del service_token  # The first provider publishes the ServiceToken under the default name.
    ssm, name = stacks.client("ssm"), "SSM-SessionManagerRunShell"
    ssm.create_document(Name=name, DocumentType="Session", Content=json.dumps(BASE))
    parameters = {"ContentMode": "Merge", "OnDelete": "Restore", "ServiceTokenParameterName": "/merging/service-token"}
    stacks.sam_deploy("merging", built, parameters | {"KmsKeyId": "alias/a", "LinuxShellProfile": "cd"})
    merged = BASE["inputs"] | {"kmsKeyId": "alias/a", "shellProfile": {"linux": "cd"}}
    assert view(ssm, name).inputs == merged
    assert stacks.delete("merging") == "DELETE_COMPLETE"
    assert json.loads(ssm.get_document(Name=name)["Content"]) == BASE
    ssm.delete_document(Name=name)
