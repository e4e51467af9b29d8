"""The function against moto's Systems Manager, which others wrote: a second opinion on what the project's own model says.

Moto has no ListDocumentVersions and refuses `$DEFAULT`, so versions are read one by one. It checks content against every
version, where the project's model checks the latest one: a rollback meets DuplicateDocumentContent here.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from emulator import EMULATORS_ACCOUNT, Emulator, as_invoked_here, emulator
from local_aws import REGION, ROOT, base_environment, free_port, process, wait_until_it_responds
from response_sink import ResponseSink, response_sink

DOCUMENT = "SSM-SessionManagerRunShell"


@dataclass(frozen=True)
class World:
    function: Emulator
    sink: ResponseSink
    ssm: Any

    def response_to(self, name: str, **properties: str) -> dict[str, Any]:
        event = json.loads((ROOT / "events" / f"{name}.json").read_text())
        event["ResourceProperties"] |= properties
        assert self.function.invoke(as_invoked_here(event, self.sink.url)) is None
        return self.sink.next_response(seconds=5)

    def default_version(self) -> tuple[str, str]:
        """The default version's number and its idle timeout."""
        found = self.ssm.get_document(Name=DOCUMENT)
        return found["DocumentVersion"], json.loads(found["Content"])["inputs"]["idleSessionTimeout"]

    def tags(self) -> set[str]:
        listed = self.ssm.list_tags_for_resource(ResourceType="Document", ResourceId=DOCUMENT)["TagList"]
        return {tag["Key"].removeprefix("cfn-ssm-document:") for tag in listed}


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("moto")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(ROOT / ".venv/moto/bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    environment = base_environment() | {"MOTO_ACCOUNT_ID": EMULATORS_ACCOUNT}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(process("moto", command, environment, folder))
        wait_until_it_responds(server, f"{url}/moto-api/", folder / "moto.log")
        # Short, because moto fails where versions are listed, and that is retried for as long as there is time.
        function = stack.enter_context(emulator(folder, url, timeout_seconds=30))
        sink = stack.enter_context(response_sink())
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        yield World(function, sink, boto3.client("ssm", endpoint_url=url, region_name=REGION, **keys))


def test_a_document_lives_from_create_to_delete(world: World) -> None:
    created = world.response_to("create")
    assert created["Status"] == "SUCCESS", created
    assert world.default_version() == ("1", "20")
    assert world.tags() == {"stack-id", "logical-id", "origin", "since", "default-version"}

    assert world.response_to("create")["Data"]["LatestVersion"] == "1", "the same request again makes no version"

    assert world.response_to("update")["Data"]["DefaultVersion"] == "2"
    assert world.default_version() == ("2", "15")

    assert world.response_to("delete")["Status"] == "SUCCESS"
    assert world.default_version() == ("2", "15")
    assert world.tags() == set()


def test_a_document_made_by_hand_is_adopted_and_put_back(world: World) -> None:
    by_hand = json.dumps({"schemaVersion": "1.0", "inputs": {"idleSessionTimeout": "5"}})
    world.ssm.create_document(Name=DOCUMENT, DocumentType="Session", DocumentFormat="JSON", Content=by_hand)
    assert world.response_to("create")["Data"]["DefaultVersion"] == "2"
    assert world.tags() == {"stack-id", "logical-id", "origin", "previous-default-version", "since", "default-version"}

    deleted = world.response_to("delete", OnDelete="Restore")
    assert deleted["Status"] == "SUCCESS", deleted
    assert world.default_version() == ("1", "5")
    assert world.tags() == set()


def test_what_it_created_goes_under_restore(world: World) -> None:
    assert world.response_to("create")["Status"] == "SUCCESS"
    assert world.response_to("delete", OnDelete="Restore")["Status"] == "SUCCESS"
    with pytest.raises(world.ssm.exceptions.InvalidDocument):
        world.ssm.describe_document(Name=DOCUMENT)


def test_a_duplicate_whose_version_cannot_be_looked_up_gets_a_response_and_changes_nothing(world: World) -> None:
    world.response_to("create")
    world.response_to("update")
    response = world.response_to("rollback-update")
    assert response["Status"] == "FAILED"
    assert "ListDocumentVersions" in response["Reason"]
    assert world.default_version() == ("2", "15")
