"""What `make verify` concludes from what it saw: tables over its pure part."""

from typing import Any

import pytest
from verify import is_emulated, status_of
from verify_facts import (
    FACTS,
    cancelled_update,
    duplicate_scope,
    hash_of_content,
    id_after_a_failed_update,
    id_of_a_cancelled_create,
    measured,
    newest_first,
    read_after_write,
    readings,
    refused_with,
    response_url,
    settled,
    timestamp_of_a_slow_create,
)

OK = {"ok": True}
DUPLICATE = {"error": "DuplicateDocumentContent", "message": "It is one."}
THROTTLED = {"error": "ThrottlingException", "message": "Rate exceeded"}


@pytest.mark.parametrize(
    ("latest", "older", "text", "as_believed"),
    [
        (DUPLICATE, OK, "the latest version only", True),
        (DUPLICATE, DUPLICATE, "any version", False),
        (OK, OK, "no version: equal content is accepted", False),
        (
            DUPLICATE,
            THROTTLED,
            "undecided: DuplicateDocumentContent for the latest, ThrottlingException for an older one",
            None,
        ),
        (OK, DUPLICATE, "undecided: accepted for the latest, DuplicateDocumentContent for an older one", None),
    ],
)
def test_the_scope_of_duplicates(latest: Any, older: Any, text: str, as_believed: bool | None) -> None:
    reading = duplicate_scope({"same_as_latest": latest, "same_as_older": older})
    assert (reading.text, reading.as_believed) == (text, as_believed)


def test_a_refusal_must_have_its_code_and_words() -> None:
    decide = refused_with("InvalidDocument", "does not exist")
    assert decide({"error": "InvalidDocument", "message": "Document with name x does not exist."}).as_believed
    assert not decide({"error": "InvalidDocument", "message": "no"}).as_believed
    assert not decide(OK).as_believed
    assert not decide(THROTTLED).as_believed


@pytest.mark.parametrize(
    ("timestamps", "signed", "as_believed"),
    [
        (["2026-11-26T08:00:00+00:00"], "2026-11-26T08:00:00+00:00", True),
        (["2026-11-26T07:59:50+00:00", "2026-11-26T08:00:01.900000+00:00"], "2026-11-26T08:00:00+00:00", True),
        (["2026-11-26T08:00:00+00:00", "2026-11-26T08:00:12+00:00"], "2026-11-26T08:00:00+00:00", False),
        ([], "2026-11-26T08:00:00+00:00", None),
        (["2026-11-26T08:00:00+00:00"], None, None),
    ],
)
def test_the_timestamp_of_a_slow_create(timestamps: list[str], signed: str | None, as_believed: bool | None) -> None:
    assert timestamp_of_a_slow_create({"timestamps": timestamps, "signed": signed}).as_believed == as_believed


@pytest.mark.parametrize(
    ("seconds", "as_believed"),
    [([0.0, 0.0], True), ([0.0, 4.2], True), ([0.0, 6.0], False), ([0.0, None], False)],
)
def test_tags_are_read_soon_enough_or_not(seconds: list[float | None], as_believed: bool) -> None:
    assert read_after_write(seconds).as_believed == as_believed


@pytest.mark.parametrize(
    ("rollback_id", "as_believed"), [("before", True), ("failed", False), ("third", False), (None, None)]
)
def test_the_id_after_a_failed_update(rollback_id: str | None, as_believed: bool | None) -> None:
    seen = {"id_before": "before", "failed_id": "failed", "rollback_id": rollback_id}
    assert id_after_a_failed_update(seen).as_believed == as_believed


@pytest.mark.parametrize(
    ("delete_id", "as_believed"),
    [
        ("s-Slow-1ABCDEFGHIJK", True),
        ("own", False),
        ("s-Slow-", False),
        ("other-Slow-1ABCDEFGHIJK", False),
        (None, None),
    ],
)
def test_the_id_after_a_cancelled_create(delete_id: str | None, as_believed: bool | None) -> None:
    seen = {"stack": "s", "logical_id": "Slow", "own_id": "own", "delete_id": delete_id}
    assert id_of_a_cancelled_create(seen).as_believed == as_believed


def test_an_update_is_cancelled_or_waited_for() -> None:
    assert cancelled_update({"takes": 15, "seconds_between": 6}).as_believed is True
    assert cancelled_update({"takes": 15, "seconds_between": 17}).as_believed is False
    assert cancelled_update({"takes": 15, "seconds_between": None}).as_believed is None


def test_other_readings() -> None:
    assert hash_of_content({"hash": "a", "sha256": "a", "type": "Sha256"}).as_believed is True
    assert hash_of_content({"hash": "a", "sha256": "b", "type": "Sha256"}).as_believed is False
    assert (
        settled({"first": "Creating", "status": "Active", "seconds": 1.2}).text == "first Creating, Active after 1.2 s"
    )
    assert settled({"first": "Creating", "status": "Failed", "seconds": 1.2}).as_believed is False
    assert newest_first(["10", "9", "1"]).text == "newest first"
    assert newest_first(["1", "9", "10"]).text == "oldest first"
    assert newest_first(["9", "10", "1"]).text == "in no order"
    assert response_url({"X-Amz-Date": "20261126T080000Z", "X-Amz-Expires": "7200"}).as_believed is True
    assert response_url({"X-Amz-Date": "20261126T080000Z", "X-Amz-Expires": "3600"}).as_believed is False
    assert response_url({"Expires": "1700007200", "received": 1_700_000_001.5}).as_believed is True
    assert response_url({"Expires": "1700003600", "received": 1_700_000_001.5}).as_believed is False
    assert response_url({}).as_believed is False


def test_a_fact_that_was_not_probed_is_not_a_belief_confirmed() -> None:
    rows = readings({"delete_of_a_shared_document": {"not_checked": "no account"}, "update_of_an_older_version": OK})
    by_name = {row["fact"]: row for row in rows}
    assert len(by_name) == len(FACTS)
    assert by_name["delete-shared"]["not_checked"] == "no account"
    assert by_name["hash"]["not_checked"] == "not probed"
    assert by_name["update-compare-and-set"]["as_believed"] is False
    assert by_name["update-compare-and-set"]["reading"] == "accepted"


def test_a_report_line_is_read_in_both_of_lambdas_formats() -> None:
    text = (
        "REPORT RequestId: 6f1b\tDuration: 12.34 ms\tBilled Duration: 60 ms\tMemory Size: 128 MB\tMax Memory Used: 23 MB\t"
        "Init Duration: 46.81 ms\t"
    )
    figures = {"durationMs": 12.34, "billedDurationMs": 60.0, "maxMemoryUsedMB": 23.0, "initDurationMs": 46.81}
    assert measured(text) == figures
    assert measured({"type": "platform.report", "record": {"metrics": figures | {"memorySizeMB": 128}}}) == figures
    assert measured({"type": "platform.start"}) is None
    assert measured("START RequestId: 6f1b") is None


@pytest.mark.parametrize(
    ("endpoint", "emulated"),
    [
        ("https://ssm.eu-central-1.amazonaws.com", False),
        ("https://ssm.cn-north-1.amazonaws.com.cn", False),
        ("https://ssm.us-east-1.api.aws", False),
        ("https://vpce-1-2.ssm.us-east-1.vpce.amazonaws.com", False),
        ("http://127.0.0.1:5555", True),
        ("https://localhost:4566", True),
        ("https://ssm.amazonaws.com.example.org", True),
        ("http://ssm.eu-central-1.amazonaws.com", True),
    ],
)
def test_an_endpoint_is_awss_own_or_an_emulators(endpoint: str, emulated: bool) -> None:
    assert is_emulated(endpoint) == emulated


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"facts": [{"as_believed": None}, {"not_checked": "x"}]}, 0),
        ({"facts": [{"as_believed": False}]}, 1),
        ({"left": ["aws ssm delete-document --name x"]}, 1),
        ({"observations": {"probe tags": THROTTLED}}, 1),
        ({"stopped_by": "no credentials"}, 1),
        ({"interrupted": True}, 130),
    ],
)
def test_the_exit_status_tells_how_it_went(changes: dict[str, Any], status: int) -> None:
    assert status_of({"facts": [{"as_believed": True}], "observations": {}, "left": []} | changes) == status
