"""`make verify` against emulators, whose responses are known: it must tell them apart, mark its report, and clean up."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from emulator import bootstrap
from local_aws import REGION, ROOT, base_environment, free_port, local_aws, process, ssm_model, wait_until_it_responds

PREFIX = "cfn-ssm-document-verify-"


def command(report: Path, *options: str) -> list[str]:
    return [sys.executable, str(ROOT / "tools/verify.py"), "--report", str(report), *options]


def verified(environment: dict[str, str], folder: Path, *options: str) -> dict[str, Any]:
    """The report of a run with a yes, with the facts by name."""
    path = folder / "report.json"
    done = subprocess.run(
        command(path, "--yes", *options), env=environment, check=False, capture_output=True, text=True, timeout=600
    )
    assert path.exists(), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(path.read_text())
    report["facts"] = {fact["fact"]: fact for fact in report["facts"]}
    assert report["emulated"] is True
    assert report["left"] == [], done.stdout
    return report


def of_systems_manager(url: str) -> dict[str, str]:
    return base_environment() | {"AWS_ENDPOINT_URL_SSM": url}


def scratch_documents(url: str) -> list[str]:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    listed = boto3.client("ssm", endpoint_url=url, region_name=REGION, **keys).list_documents()["DocumentIdentifiers"]
    return [document["Name"] for document in listed if document["Name"].startswith(PREFIX)]


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = [str(ROOT / ".venv/moto/bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with process("moto", server, base_environment(), folder) as running:
        wait_until_it_responds(running, f"{url}/moto-api/", folder / "moto.log")
        yield url


@pytest.mark.parametrize(
    ("duplicates", "reading"), [("latest", "the latest version only"), ("any", "any version")], ids=["latest", "any"]
)
def test_it_reads_which_versions_the_loopback_takes_for_duplicates(
    tmp_path: Path, duplicates: str, reading: str
) -> None:
    with ssm_model(tmp_path, duplicates=duplicates) as url:
        report = verified(of_systems_manager(url), tmp_path, "--only", "documents", "--share-with", "444455556666")
        assert scratch_documents(url) == []
    facts = report["facts"]
    assert facts["duplicate-scope"]["reading"] == reading
    assert facts["duplicate-scope"]["as_believed"] == (duplicates == "latest")
    otherwise = {name for name, fact in facts.items() if fact.get("as_believed") is False}
    assert otherwise - {"duplicate-scope"} == set(), "the loopback is what we believe of AWS"
    assert not [name for name in report["observations"] if name.startswith("probe ")]
    unchecked = {name for name, fact in facts.items() if "not_checked" in fact}
    assert "delete-shared" not in unchecked
    assert "timestamp-of-a-slow-create" in unchecked, "Systems Manager alone can't show it"


def test_it_reads_what_moto_does_otherwise(tmp_path: Path) -> None:
    with moto(tmp_path) as url:
        report = verified(of_systems_manager(url), tmp_path, "--only", "documents")
        assert scratch_documents(url) == []
    facts = report["facts"]
    assert facts["duplicate-scope"]["reading"] == "any version"
    assert facts["hash"]["as_believed"] is True
    assert (
        facts["versions-order"]["reading"].startswith("InternalFailure") or "500" in facts["versions-order"]["reading"]
    )
    assert facts["delete-shared"]["not_checked"] == "no account was given to share a scratch document with"


def test_the_provider_lives_through_its_document_and_leaves_nothing(tmp_path: Path) -> None:
    with local_aws() as aws:
        report = verified(aws.environment(), tmp_path, "--only", "provider", "--binary", str(bootstrap()))
        assert scratch_documents(aws.ssm_url) == []
        cloudformation = boto3.client(
            "cloudformation",
            endpoint_url=aws.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        stacks = cloudformation.describe_stacks()["Stacks"]
        assert [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"] == []
    assert report["facts"]["document-life"]["as_believed"] is True, report["facts"]["document-life"]
    assert report["facts"]["preferences-life"]["not_checked"] == "not probed", "never unless asked"


def test_an_interrupted_run_cleans_up_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with ssm_model(tmp_path, latency_ms=300) as url:  # the whole run takes half a minute
        running = subprocess.Popen(command(path, "--yes", "--only", "documents"), env=of_systems_manager(url))
        deadline = time.monotonic() + 60
        while not scratch_documents(url):
            assert time.monotonic() < deadline
            assert running.poll() is None, "it ended before it was interrupted"
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
        assert scratch_documents(url) == []
    report = json.loads(path.read_text())
    assert report["interrupted"] is True
    assert report["left"] == []


def test_without_a_yes_nothing_is_done(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with ssm_model(tmp_path) as url:
        asked = subprocess.run(
            command(path, "--only", "documents"),
            env=of_systems_manager(url),
            check=False,
            input="no\n",
            capture_output=True,
            text=True,
        )
    assert asked.returncode == 2
    assert "less than 0.01 USD" in asked.stdout
    assert not path.exists()


def test_no_report_of_an_emulator_is_kept_as_evidence() -> None:
    for report in (ROOT / "evidence").glob("*.json"):
        assert json.loads(report.read_text())["emulated"] is False, report
