"""What a stack's owner sees: stacks with a document on the local AWS, through CloudFormation's own life cycle.

Not shown here, because ministack doesn't do it: it sends no Delete after a Create that failed, and it doesn't check the
response's ids or size. The tests in Rust show the function's part in these.
"""

import itertools
import json
from typing import Any

import pytest
from document_view import DocumentView, view
from stacks import Stacks

numbers = itertools.count(1)


def session(minutes: int) -> str:
    inputs = {"idleSessionTimeout": str(minutes), "cloudWatchStreamingEnabled": True, "runAsEnabled": False}
    return json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs})


class DocumentStack:
    """A stack with one document of its own name, and the resources that a test adds."""

    def __init__(self, stacks: Stacks, token: str) -> None:
        self.stacks, self.token = stacks, token
        self.name = f"stack-{next(numbers)}"
        self.document = f"document-of-{self.name}"

    def resource(self, minutes: int, **properties: Any) -> dict[str, Any]:
        base = {"ServiceToken": self.token, "ServiceTimeout": 60, "DocumentName": self.document}
        content = {"DocumentContent": session(minutes)}
        return {"Type": "Custom::SsmDocument", "Properties": base | content | properties}

    def put(self, minutes: int, *, then: dict[str, Any] | None = None, **properties: Any) -> str:
        """Creates or updates the stack; `then` is a second resource, made after the document."""
        resources = {"Document": self.resource(minutes, **properties)}
        if then:
            resources["Second"] = then | {"DependsOn": "Document"}
        attributes = ("Arn", "DocumentName", "DocumentType", "DefaultVersion", "LatestVersion", "Hash")
        outputs: dict[str, Any] = {name: {"Value": {"Fn::GetAtt": ["Document", name]}} for name in attributes}
        outputs["Ref"] = {"Value": {"Ref": "Document"}}
        return self.stacks.put(self.name, json.dumps({"Resources": resources, "Outputs": outputs}))

    def delete(self) -> str:
        return self.stacks.delete(self.name)

    def view(self, name: str | None = None) -> DocumentView:
        return view(self.stacks.client("ssm"), name or self.document)

    def reasons(self) -> str:
        return self.stacks.reasons(self.name)

    def made_by_hand(self, minutes: int) -> None:
        ssm = self.stacks.client("ssm")
        ssm.create_document(Name=self.document, DocumentType="Session", Content=session(minutes))

    @property
    def refused(self) -> dict[str, Any]:
        """A resource that fails whatever it finds: its name is reserved."""
        return self.resource(1, DocumentName="aws-not-allowed")


@pytest.fixture
def stack(stacks: Stacks, service_token: str) -> DocumentStack:
    return DocumentStack(stacks, service_token)


def idle(document: DocumentView) -> str:
    minutes: str = document.inputs["idleSessionTimeout"]
    return minutes


def test_a_create_makes_the_document_with_its_default_version(stack: DocumentStack) -> None:
    assert stack.put(10) == "CREATE_COMPLETE", stack.reasons()
    assert (idle(stack.view()), stack.view().default) == ("10", "1")


def test_a_stack_reads_every_attribute_of_the_document(stack: DocumentStack) -> None:
    stack.put(10)
    outputs = stack.stacks.outputs(stack.name)
    described = stack.stacks.client("ssm").describe_document(Name=stack.document)["Document"]
    assert outputs["Ref"] == outputs["DocumentName"] == stack.document
    assert outputs["Arn"].endswith(f":document/{stack.document}")
    assert (outputs["DefaultVersion"], outputs["LatestVersion"]) == ("1", "1")
    assert (outputs["DocumentType"], outputs["Hash"]) == ("Session", described["Hash"])


def test_an_update_promotes_the_new_content(stack: DocumentStack) -> None:
    stack.put(10)
    assert stack.put(20) == "UPDATE_COMPLETE", stack.reasons()
    assert (idle(stack.view()), stack.view().default) == ("20", "2")


def test_an_update_that_changes_no_content_makes_no_version(stack: DocumentStack) -> None:
    stack.put(10)
    assert stack.put(10, OnDelete="Restore") == "UPDATE_COMPLETE", stack.reasons()
    assert stack.view().versions == ("1",)


def test_another_order_of_keys_and_yaml_make_no_version(stack: DocumentStack) -> None:
    stack.put(10)
    content = "inputs:\n  runAsEnabled: false\n  idleSessionTimeout: '10'\n  cloudWatchStreamingEnabled: true\n"
    content += "sessionType: Standard_Stream\nschemaVersion: '1.0'\n"
    assert stack.put(10, DocumentContent=content) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.view().versions == ("1",)


def test_a_mapping_gets_its_booleans_back(stack: DocumentStack) -> None:
    assert stack.put(10, DocumentContent=json.loads(session(10))) == "CREATE_COMPLETE", stack.reasons()
    assert stack.view().inputs["cloudWatchStreamingEnabled"] is True


def test_a_moved_default_is_repaired_by_the_next_update(stack: DocumentStack) -> None:
    stack.put(10)
    stack.put(20)
    stack.stacks.client("ssm").update_document_default_version(Name=stack.document, DocumentVersion="1")
    assert stack.put(20, OnDelete="Restore") == "UPDATE_COMPLETE", stack.reasons()
    assert (stack.view().default, stack.view().versions) == ("2", ("1", "2"))


def test_a_rolled_back_update_promotes_the_earlier_content(stack: DocumentStack) -> None:
    stack.put(10)
    assert stack.put(20, then=stack.refused) == "UPDATE_ROLLBACK_COMPLETE"
    assert "begins with aws" in stack.reasons()
    assert idle(stack.view()) == "10"
    assert stack.put(30) == "UPDATE_COMPLETE", stack.reasons()


def test_a_rolled_back_create_takes_the_new_document_away_under_restore(stack: DocumentStack) -> None:
    assert stack.put(10, OnDelete="Restore", then=stack.refused) == "ROLLBACK_COMPLETE"
    assert stack.view().versions == ()


def test_a_document_made_by_hand_is_adopted(stack: DocumentStack) -> None:
    stack.made_by_hand(5)
    assert stack.put(10) == "CREATE_COMPLETE", stack.reasons()
    assert (idle(stack.view()), stack.view().versions) == ("10", ("1", "2"))
    assert stack.view().tags["cfn-ssm-document:origin"] == "adopted"


def test_an_adopted_document_gets_its_version_back_under_restore(stack: DocumentStack) -> None:
    stack.made_by_hand(5)
    stack.put(10, OnDelete="Restore")
    assert stack.delete() == "DELETE_COMPLETE"
    assert (idle(stack.view()), stack.view().default, stack.view().tags) == ("5", "1", {})


def test_fail_refuses_a_document_that_is_there(stack: DocumentStack) -> None:
    stack.made_by_hand(5)
    assert stack.put(10, OnExisting="Fail") == "ROLLBACK_COMPLETE"
    assert "OnExisting" in stack.reasons()
    assert (stack.view().versions, stack.view().tags) == (("1",), {})


def test_a_document_of_another_stack_is_refused_by_its_owners_name(stack: DocumentStack, service_token: str) -> None:
    stack.put(10)
    second = DocumentStack(stack.stacks, service_token)
    second.document = stack.document
    assert second.put(20) == "ROLLBACK_COMPLETE"
    assert f"stack/{stack.name}/" in second.reasons()
    assert idle(stack.view()) == "10"


def test_take_over_takes_it_and_the_first_owners_delete_leaves_it(stack: DocumentStack, service_token: str) -> None:
    stack.put(10, OnDelete="Restore")
    second = DocumentStack(stack.stacks, service_token)
    second.document = stack.document
    assert second.put(20, OnExisting="TakeOver") == "CREATE_COMPLETE", second.reasons()
    assert stack.delete() == "DELETE_COMPLETE"
    assert idle(second.view()) == "20"


def test_another_name_replaces_the_document_and_lets_go_of_the_old_one(stack: DocumentStack) -> None:
    stack.put(10, OnDelete="Restore")
    renamed = f"{stack.document}-renamed"
    assert stack.put(10, DocumentName=renamed, OnDelete="Restore") == "UPDATE_COMPLETE", stack.reasons()
    assert stack.stacks.outputs(stack.name)["Ref"] == renamed
    assert stack.view().versions == ()
    assert idle(stack.view(renamed)) == "10"


def test_a_rolled_back_rename_keeps_the_old_document(stack: DocumentStack) -> None:
    stack.put(10, OnDelete="Restore")
    renamed = f"{stack.document}-renamed"
    status = stack.put(20, DocumentName=renamed, OnDelete="Restore", then=stack.refused)
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert idle(stack.view()) == "10"
    assert stack.view(renamed).versions == ()


def test_a_delete_leaves_the_document_as_it_is(stack: DocumentStack) -> None:
    stack.put(10)
    stack.put(20)
    before = stack.view()
    assert stack.delete() == "DELETE_COMPLETE"
    after = stack.view()
    assert (after.content, after.default, after.versions) == (before.content, before.default, before.versions)
    assert after.tags == {}


def test_a_delete_takes_a_created_document_away_under_restore(stack: DocumentStack) -> None:
    stack.put(10, OnDelete="Restore")
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.view().versions == ()


def test_a_delete_of_a_document_that_is_gone_succeeds(stack: DocumentStack) -> None:
    stack.put(10, OnDelete="Restore")
    stack.stacks.client("ssm").delete_document(Name=stack.document)
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"DocumentNam": "x"}, "DocumentName"),
        ({"DocumentContent": "{"}, "DocumentContent"),
        ({"DocumentType": "Sesion"}, "Session"),
        ({"OnDelete": "Keep"}, "Retain"),
        ({"SetDefaultVersion": "perhaps"}, "SetDefaultVersion"),
        ({"DocumentContent": session(61)}, "inputs.idleSessionTimeout"),
    ],
    ids=["unknown property", "broken content", "misspelt type", "bad OnDelete", "no boolean", "timeout out of range"],
)
def test_a_bad_property_fails_the_stack_with_the_reason(
    stack: DocumentStack, properties: dict[str, str], reason: str
) -> None:
    assert stack.put(10, **properties) == "ROLLBACK_COMPLETE"
    assert reason in stack.reasons()
    assert stack.view().versions == ()
