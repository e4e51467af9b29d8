"""The function under AWS's own Runtime Interface Emulator, with a timeout of 3 seconds and real kills, behind a proxy that
injects faults between it and Systems Manager."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from document_view import DocumentView, view
from emulator import EMULATORS_ACCOUNT, Emulator, as_invoked_here, bootstrap, emulator
from fault_proxy import FaultProxy, fault_proxy
from local_aws import REGION, ROOT, ssm_model
from response_sink import ResponseSink, response_sink

TIMEOUT_SECONDS = 3
LONGER_THAN_THE_TIMEOUT = {"latency": 50_000}


@dataclass(frozen=True)
class World:
    function: Emulator
    faults: FaultProxy
    sink: ResponseSink
    ssm: Any

    def event(self, name: str, **changes: Any) -> dict[str, Any]:
        event = json.loads((ROOT / "events" / f"{name}.json").read_text())
        return as_invoked_here(event | changes, self.sink.url)

    def document(self, event: dict[str, Any]) -> DocumentView:
        return view(self.ssm, event["ResourceProperties"]["DocumentName"])

    def response_to(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invokes; the response must come, and before the timeout."""
        started = time.monotonic()
        told = self.function.invoke(event)
        seconds = time.monotonic() - started
        assert told is None, f"the function failed: {told}"
        assert seconds < TIMEOUT_SECONDS
        return self.sink.next_response(seconds=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("emulator")
    with contextlib.ExitStack() as stack:
        ssm_url = stack.enter_context(ssm_model(folder, EMULATORS_ACCOUNT))
        proxy = stack.enter_context(fault_proxy(folder, ssm_url))
        function = stack.enter_context(emulator(folder, proxy.url, TIMEOUT_SECONDS))
        sink = stack.enter_context(response_sink())
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        ssm = boto3.client("ssm", endpoint_url=ssm_url, region_name=REGION, **keys)
        through_proxy = boto3.client("ssm", endpoint_url=proxy.url, region_name=REGION, **keys)
        through_proxy.list_documents()  # the proxy's first call is slow
        yield World(function, proxy, sink, ssm)


@pytest.fixture
def world(running: World) -> Iterator[World]:
    yield running
    running.faults.break_with()
    for document in running.ssm.list_documents()["DocumentIdentifiers"]:
        running.ssm.delete_document(Name=document["Name"])


def test_a_request_without_faults_gets_a_response(world: World) -> None:
    event = world.event("create")
    assert world.response_to(event)["Status"] == "SUCCESS"
    assert world.document(event).default == "1"


@pytest.mark.parametrize("operation", ["DescribeDocument", "GetDocument"])
def test_a_create_that_hangs_before_writing_responds_before_the_kill(world: World, operation: str) -> None:
    world.faults.break_with({"service": "ssm", "operation": operation, **LONGER_THAN_THE_TIMEOUT})
    event = world.event("create")
    if operation == "GetDocument":
        content = event["ResourceProperties"]["DocumentContent"]
        world.ssm.create_document(Name="SSM-SessionManagerRunShell", DocumentType="Session", Content=content)
        time.sleep(7)  # the tags of a document that was made just now may not be visible yet, so it is looked at again
        event = world.event("create")
    response = world.response_to(event)
    assert response["Status"] == "FAILED"
    assert response["PhysicalResourceId"].startswith("cfn-ssm-document:not-created:")
    assert operation in world.faults.fired()


@pytest.mark.parametrize(
    "fault", [LONGER_THAN_THE_TIMEOUT, {"response": {"bandwidth_kbps": 0.05}}], ids=["not made", "made, no reply"]
)
def test_a_create_that_hangs_while_writing_undoes_itself_or_leaves_its_delete_an_id(
    world: World, fault: dict[str, Any]
) -> None:
    world.faults.break_with({"service": "ssm", "operation": "CreateDocument", **fault})
    event = world.event("create")
    response = world.response_to(event)
    assert response["Status"] == "FAILED"
    assert "CreateDocument" in world.faults.fired()
    if world.document(event).versions:
        assert response["PhysicalResourceId"] == "SSM-SessionManagerRunShell"


def test_an_update_that_hangs_keeps_its_id(world: World) -> None:
    world.response_to(world.event("create"))
    world.faults.break_with({"service": "ssm", "operation": "UpdateDocument", **LONGER_THAN_THE_TIMEOUT})
    response = world.response_to(world.event("update"))
    assert (response["Status"], response["PhysicalResourceId"]) == ("FAILED", "SSM-SessionManagerRunShell")


def test_throttling_that_passes_is_waited_for(world: World) -> None:
    throttled = {"error": {"code": "ThrottlingException", "status": 400}, "times": 2}
    world.faults.break_with({"service": "ssm", "operation": "DescribeDocument", **throttled})
    assert world.response_to(world.event("create"))["Status"] == "SUCCESS"


def test_throttling_that_does_not_pass_is_named_in_the_response(world: World) -> None:
    throttled = {"error": {"code": "ThrottlingException", "status": 400}}
    world.faults.break_with({"service": "ssm", "operation": "*", **throttled}, {"service": "ssm", **throttled})
    response = world.response_to(world.event("create"))
    assert response["Status"] == "FAILED"
    assert "ThrottlingException" in response["Reason"]


def test_a_reset_connection_is_tried_again(world: World) -> None:
    world.faults.break_with({"service": "ssm", "operation": "DescribeDocument", "reset": True, "times": 1})
    assert world.response_to(world.event("create"))["Status"] == "SUCCESS"


def test_a_response_that_nobody_takes_is_an_error_to_the_runtime(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        event = world.event("create") | {"ResponseURL": f"http://127.0.0.1:{silent.getsockname()[1]}/response"}
        assert world.function.invoke(event), "a response that was not delivered must be an error"


def processes_of_the_function() -> set[int]:
    """Process ids that run the release binary."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "exe") == str(bootstrap()):
                found.add(int(entry.name))
    return found


def test_a_request_that_was_cut_by_a_kill_is_finished_when_it_comes_again(world: World, tmp_path: Path) -> None:
    event = world.event("update")
    world.response_to(world.event("create"))
    world.faults.break_with({"service": "ssm", "operation": "UpdateDocumentDefaultVersion", **LONGER_THAN_THE_TIMEOUT})
    others = processes_of_the_function()
    with emulator(tmp_path, world.faults.url, timeout_seconds=60) as function:  # time enough for the kill to come first
        lost = threading.Thread(target=function.invoke, args=(event,))
        lost.start()
        deadline = time.monotonic() + 30
        while "UpdateDocumentDefaultVersion" not in world.faults.fired():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for process in processes_of_the_function() - others:
            os.kill(process, signal.SIGKILL)
        lost.join()
    assert world.sink.responses.empty()
    assert world.document(event).default == "1"

    world.faults.break_with()
    assert world.response_to(event)["Status"] == "SUCCESS"
    assert (world.document(event).default, world.document(event).versions) == ("2", ("1", "2"))
