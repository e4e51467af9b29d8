"""What the project believes about AWS, and how an observation confirms or refutes each belief. Nothing here calls AWS.

An observation is JSON: what a probe (verify_documents.py, verify_cloudformation.py, verify_provider.py) saw. The outcome of a call
is `{"ok": true}` or `{"error": code, "message": text}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Observed = dict[str, Any]
TOLERANCE_SECONDS = 2
MADE_UP_ID = r"{stack}-{logical_id}-[A-Z0-9]{{8,}}"


@dataclass(frozen=True)
class Reading:
    """What was observed, as text, and whether it confirms the belief; None if it decides nothing."""

    text: str
    as_believed: bool | None


@dataclass(frozen=True)
class Fact:
    """A belief, and the question that decides it."""

    name: str
    belief: str
    observation: str
    """The key of the observation that decides it."""
    decide: Callable[[Any], Reading]


def refused_with(code: str, words: str = "") -> Callable[[Observed], Reading]:
    """The call is refused with this code, and with these words in its message."""

    def decide(outcome: Observed) -> Reading:
        as_believed = outcome.get("error") == code and words.lower() in outcome.get("message", "").lower()
        return Reading(described(outcome), as_believed)

    return decide


def accepted(outcome: Observed) -> Reading:
    """The call succeeds."""
    return Reading(described(outcome), "error" not in outcome)


def described(outcome: Observed) -> str:
    """An outcome in words."""
    return f"{outcome['error']}: {outcome['message']}" if "error" in outcome else "accepted"


def duplicate_scope(outcomes: Observed) -> Reading:
    """Which versions new content is compared with: what happened to the latest version's content, and to an older one's."""
    latest, older = (outcomes[name].get("error") for name in ("same_as_latest", "same_as_older"))
    match latest, older:
        case "DuplicateDocumentContent", "DuplicateDocumentContent":
            return Reading("any version", False)
        case "DuplicateDocumentContent", None:
            return Reading("the latest version only", True)
        case None, None:
            return Reading("no version: equal content is accepted", False)
        case _:
            return Reading(
                f"undecided: {latest or 'accepted'} for the latest, {older or 'accepted'} for an older one", None
            )


def equal(expected: Any) -> Callable[[Any], Reading]:
    """The observation is this value."""
    return lambda seen: Reading(str(seen), seen == expected)


def hash_of_content(seen: Observed) -> Reading:
    """Whether the hash is the SHA-256 of the content as it was sent."""
    if seen["hash"] == seen["sha256"]:
        return Reading(f"{seen['type']} of the content as sent", True)
    return Reading(f"{seen['type']}, not of the content as sent", False)


def read_after_write(seconds: list[float | None]) -> Reading:
    """How long after each write a read first saw it; None if no read saw it in time."""
    at_once = sum(1 for waited in seconds if waited == 0)
    if None in seconds:
        return Reading(f"unseen in {seconds.count(None)} of {len(seconds)} trials", False)
    slowest = max(waited for waited in seconds if waited is not None)
    text = f"at the first read in {at_once} of {len(seconds)} trials, the slowest after {slowest:.1f} s"
    return Reading(text, slowest <= 5)


def settled(seen: Observed) -> Reading:
    """How long a new version took to become Active."""
    if seen["status"] != "Active":
        return Reading(f"{seen['status']} after {seen['seconds']:.1f} s", False)
    return Reading(f"first {seen['first']}, Active after {seen['seconds']:.1f} s", True)


def newest_first(numbers: list[str] | Observed) -> Reading:
    """In which order versions are listed, which AWS does not say."""
    if isinstance(numbers, dict):
        return Reading(described(numbers), None)
    falling, rising = sorted(numbers, key=int, reverse=True), sorted(numbers, key=int)
    order = "newest first" if numbers == falling else "oldest first" if numbers == rising else "in no order"
    return Reading(order, None)


def timestamp_of_a_slow_create(seen: Observed) -> Reading:
    """Whether LastUpdatedTimestamp of a resource in progress can be later than its request's signature."""
    if not seen["timestamps"] or not seen["signed"]:
        return Reading(f"not seen in progress (signed: {seen['signed']})", None)
    latest = max(datetime.fromisoformat(stamp) for stamp in seen["timestamps"])
    later = (latest - datetime.fromisoformat(seen["signed"])).total_seconds()
    text = f"{later:+.1f} s after the signature, in {len(set(seen['timestamps']))} value(s) while in progress"
    return Reading(text, later <= TOLERANCE_SECONDS)


def id_after_a_failed_update(seen: Observed) -> Reading:
    """Whether the rollback's Update bears the id of the FAILED response, or the one before."""
    match seen["rollback_id"]:
        case None:
            return Reading("no rollback Update was seen", None)
        case before if before == seen["id_before"]:
            return Reading("the rollback has the id from before", True)
        case failed if failed == seen["failed_id"]:
            return Reading("the rollback has the id of the FAILED response", False)
        case other:
            return Reading(f"the rollback has another id: {other}", False)


def id_of_a_cancelled_create(seen: Observed) -> Reading:
    """Whether the Delete after a cancelled Create bears an id that CloudFormation made up."""
    if seen["delete_id"] is None:
        return Reading("no Delete was seen", None)
    pattern = MADE_UP_ID.format(stack=re.escape(seen["stack"]), logical_id=re.escape(seen["logical_id"]))
    if re.fullmatch(pattern, seen["delete_id"]):
        return Reading("generated: {stack name}-{logical id}-{random}", True)
    return Reading("the function's own id" if seen["delete_id"] == seen["own_id"] else seen["delete_id"], False)


def cancelled_update(seen: Observed) -> Reading:
    """Whether CloudFormation sends the rollback's Update while the Update before it still runs."""
    if seen["seconds_between"] is None:
        return Reading("no rollback Update was seen", None)
    text = f"the rollback came {seen['seconds_between']:.0f} s after an Update that takes {seen['takes']} s"
    return Reading(text, seen["seconds_between"] < seen["takes"] - 1)


def response_url(seen: Observed) -> Reading:
    """How the response URL is signed, and how long it is valid."""
    if "X-Amz-Date" in seen:
        return Reading(f"Signature Version 4, valid {seen.get('X-Amz-Expires')} s", seen.get("X-Amz-Expires") == "7200")
    if "Expires" in seen:
        after = float(seen["Expires"]) - seen["received"]
        return Reading(
            f"the older form; Expires is {after:.0f} s after the function received it", abs(after - 7200) <= 60
        )
    return Reading("no known signature", False)


def life_of_a_document(steps: list[Observed]) -> Reading:
    """Whether a document under Restore was created, updated, put back by a rollback, and deleted."""
    expected = [
        ("create", "CREATE_COMPLETE", "idle after 10 minutes"),
        ("update", "UPDATE_COMPLETE", "idle after 20 minutes"),
        ("roll back", "UPDATE_ROLLBACK_COMPLETE", "idle after 20 minutes"),
        ("delete", "DELETE_COMPLETE", "as before"),
    ]
    as_believed = all(
        (step["step"], step["status"]) == (name, status) and document in step["document"]
        for step, (name, status, document) in zip(steps, expected, strict=True)
    )
    return Reading("; ".join(f"{step['step']}: {step['status']}, {step['document']}" for step in steps), as_believed)


FACTS = (
    Fact(
        "duplicate-scope",
        "DuplicateDocumentContent compares with the latest version only",
        "duplicates",
        duplicate_scope,
    ),
    Fact("duplicate-other-document", "Two documents may have the same content", "same_in_another_document", accepted),
    Fact(
        "duplicate-spelling",
        "DuplicateDocumentContent compares bytes, not the parsed content",
        "same_but_spelt_otherwise",
        accepted,
    ),
    Fact(
        "update-compare-and-set",
        "UpdateDocument refuses the number of a version that is not the latest",
        "update_of_an_older_version",
        refused_with("InvalidDocumentVersion"),
    ),
    Fact(
        "update-leaves-default", "UpdateDocument does not move the default version", "default_after_update", equal("1")
    ),
    Fact(
        "version-name-unique",
        "A VersionName is unique over all versions",
        "version_name_again",
        refused_with("DuplicateDocumentVersionName"),
    ),
    Fact(
        "delete-default-version",
        "The default version cannot be deleted",
        "delete_of_the_default_version",
        refused_with("InvalidDocumentOperation"),
    ),
    Fact(
        "delete-shared",
        "A shared document cannot be deleted",
        "delete_of_a_shared_document",
        refused_with("InvalidDocumentOperation"),
    ),
    Fact(
        "unknown-document",
        "A document that does not exist gives InvalidDocument",
        "describe_of_no_document",
        refused_with("InvalidDocument", "does not exist"),
    ),
    Fact("hash", "Hash is the SHA-256 of the content as it was sent", "hash", hash_of_content),
    Fact(
        "tags-of-create", "Tags given at creation are read at once, or within 5 s", "tags_of_create", read_after_write
    ),
    Fact("tags-of-add", "Tags written are read at once, or within 5 s", "tags_of_add", read_after_write),
    Fact("describe-gives-tags", "DescribeDocument gives the tags", "described_tags", equal(True)),
    Fact("create-settles", "A new document becomes Active", "create_settles", settled),
    Fact("update-settles", "A new version becomes Active", "update_settles", settled),
    Fact("wrong-types-accepted", "AWS accepts Session inputs of the wrong type", "wrong_types", accepted),
    Fact("get-returns-json", "GetDocument returns JSON if no format is asked for", "json_of_yaml", equal(True)),
    Fact("versions-order", "AWS does not say in which order versions are listed", "version_order", newest_first),
    Fact("setting-by-arn", "GetServiceSetting takes an id and an ARN", "setting_by_arn", accepted),
    Fact(
        "timestamp-of-a-slow-create",
        "LastUpdatedTimestamp of a resource in progress is at most 2 s later than the signature of its request",
        "slow_create",
        timestamp_of_a_slow_create,
    ),
    Fact(
        "response-url",
        "The response URL is valid for 7200 s, in both forms of its signature",
        "response_url",
        response_url,
    ),
    Fact(
        "failed-update-id",
        "After a failed Update, the rollback has the id from before",
        "failed_update",
        id_after_a_failed_update,
    ),
    Fact(
        "cancelled-create",
        "The Delete after a cancelled Create has an id that CloudFormation generated",
        "cancelled_create",
        id_of_a_cancelled_create,
    ),
    Fact(
        "cancelled-update",
        "CloudFormation cancels an Update in flight when a sibling fails",
        "cancelled_update",
        cancelled_update,
    ),
    Fact(
        "document-life",
        "The provider creates, updates, rolls back and deletes a document under Restore",
        "life",
        life_of_a_document,
    ),
    Fact(
        "preferences-life",
        "It does the same with the preferences, and restores them at the end",
        "life_of_the_preferences",
        life_of_a_document,
    ),
)


def readings(observations: Observed) -> list[dict[str, Any]]:
    """Each fact with its reading. A fact without an observation was not checked."""
    found = []
    for fact in FACTS:
        seen = observations.get(fact.observation)
        row: dict[str, Any] = {"fact": fact.name, "belief": fact.belief}
        if seen is None or (isinstance(seen, dict) and "not_checked" in seen):
            row["not_checked"] = "not probed" if seen is None else seen["not_checked"]
        else:
            reading = fact.decide(seen)
            row |= {"reading": reading.text, "as_believed": reading.as_believed}
        found.append(row)
    return found


REPORT = re.compile(r"(Init Duration|Billed Duration|Max Memory Used|Duration): ([0-9.]+) (?:ms|MB)")
NAMES = {
    "Init Duration": "initDurationMs",
    "Billed Duration": "billedDurationMs",
    "Duration": "durationMs",
    "Max Memory Used": "maxMemoryUsedMB",
}


def measured(line: dict[str, Any] | str) -> dict[str, float] | None:
    """The figures of one invocation from its REPORT line, in either of Lambda's log formats; None for any other line."""
    if isinstance(line, dict):
        if line.get("type") != "platform.report":
            return None
        metrics = line["record"]["metrics"]
        return {name: float(metrics[name]) for name in NAMES.values() if name in metrics}
    if not line.startswith("REPORT "):
        return None
    return {NAMES[name]: float(figure) for name, figure in REPORT.findall(line)}
