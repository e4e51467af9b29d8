"""Probes of Systems Manager with scratch documents: each observes something that decides a fact of verify_facts.py."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from verify_scratch import Scratch

TRIALS = 5
LONGEST_READ_SECONDS = 30.0
TIER = "/ssm/parameter-store/default-parameter-tier"


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """The outcome of a call, in the form that verify_facts.py reads."""
    try:
        call()
    except ClientError as error:
        said = error.response["Error"]
        return {"error": said["Code"], "message": said.get("Message", "")}
    except BotoCoreError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"ok": True}


def content(minutes: int, **inputs: Any) -> str:
    """A Session document's content. Different minutes make it different."""
    return json.dumps(
        {
            "schemaVersion": "1.0",
            "sessionType": "Standard_Stream",
            "inputs": {"idleSessionTimeout": str(minutes)} | inputs,
        }
    )


class Documents:
    """The scratch documents of one run."""

    def __init__(self, ssm: Any, scratch: Scratch, share_with: str | None) -> None:
        self.ssm, self.scratch, self.share_with = ssm, scratch, share_with

    def observe(self) -> dict[str, Any]:
        """Runs every probe. If one fails, its error is reported and the others continue."""
        probes = (
            self.versions,
            self.spelling,
            self.tags,
            self.lives,
            self.sharing,
            self.formats,
            self.errors,
            self.settings,
        )
        seen: dict[str, Any] = {}
        for probe in probes:
            print(f"  {probe.__doc__}", flush=True)
            failed = outcome(lambda probe=probe: seen.update(probe()))
            if "error" in failed:
                seen[f"probe {probe.__name__}"] = failed
        return seen

    def create(self, name: str, body: str, **more: Any) -> str:
        full = self.scratch.name(name)
        self.scratch.will_make("document", full)
        self.ssm.create_document(Name=full, DocumentType="Session", DocumentFormat="JSON", Content=body, **more)
        return full

    def update(self, name: str, body: str, version: str = "$LATEST", **more: Any) -> Any:
        return self.ssm.update_document(Name=name, Content=body, DocumentFormat="JSON", DocumentVersion=version, **more)

    def active(self, name: str, version: str) -> dict[str, Any]:
        """Waits for a version; returns its first and last status, and how long it took."""
        started, first = time.monotonic(), None
        while True:
            status = self.ssm.describe_document(Name=name, DocumentVersion=version)["Document"]["Status"]
            first, waited = first or status, time.monotonic() - started
            if status in ("Active", "Failed") or waited > LONGEST_READ_SECONDS:
                return {"first": first, "status": status, "seconds": round(waited, 2)}
            time.sleep(0.2)

    def versions(self) -> dict[str, Any]:
        """versions: duplicates, compare-and-set, the default version"""
        name = self.create("versions", content(1), VersionName="first")
        seen: dict[str, Any] = {"create_settles": self.active(name, "1")}
        self.update(name, content(2))
        seen["update_settles"] = self.active(name, "2")
        seen["default_after_update"] = self.ssm.describe_document(Name=name)["Document"]["DefaultVersion"]
        same_as_latest = outcome(lambda: self.update(name, content(2)))
        same_as_older = outcome(lambda: self.update(name, content(1)))
        seen["duplicates"] = {"same_as_latest": same_as_latest, "same_as_older": same_as_older}
        seen["update_of_an_older_version"] = outcome(lambda: self.update(name, content(4), version="1"))
        seen["version_name_again"] = outcome(lambda: self.update(name, content(5), VersionName="first"))
        seen["delete_of_the_default_version"] = outcome(
            lambda: self.ssm.delete_document(Name=name, DocumentVersion="1")
        )
        listed: list[str] = []
        failed = outcome(
            lambda: listed.extend(
                v["DocumentVersion"] for v in self.ssm.list_document_versions(Name=name)["DocumentVersions"]
            )
        )
        return seen | {"version_order": failed if "error" in failed else listed}

    def spelling(self) -> dict[str, Any]:
        """equal contents: in another document, and formatted differently"""
        name = self.create("spelling", content(1))
        self.active(name, "1")
        described = self.ssm.describe_document(Name=name)["Document"]
        sha256 = hashlib.sha256(content(1).encode()).hexdigest()
        otherwise = json.dumps(json.loads(content(1)), indent=4)
        return {
            "hash": {"hash": described.get("Hash"), "type": described.get("HashType"), "sha256": sha256},
            "same_but_spelt_otherwise": outcome(lambda: self.update(name, otherwise)),
            "same_in_another_document": outcome(lambda: self.create("spelling-2", content(1))),
        }

    def tags(self) -> dict[str, Any]:
        """tags, read right after they were written"""
        of_create, of_add = [], []
        name = ""
        for trial in range(TRIALS):
            tag = {"Key": "verify:created", "Value": str(trial)}
            name = self.create(f"tags-{trial}", content(1), Tags=[tag])
            of_create.append(self.seconds_until_tagged(name, tag))
            self.active(name, "1")
            more = {"Key": "verify:added", "Value": str(trial)}
            self.ssm.add_tags_to_resource(ResourceType="Document", ResourceId=name, Tags=[more])
            of_add.append(self.seconds_until_tagged(name, more))
        described = self.ssm.describe_document(Name=name)["Document"]
        return {"tags_of_create": of_create, "tags_of_add": of_add, "described_tags": bool(described.get("Tags"))}

    def seconds_until_tagged(self, name: str, tag: dict[str, str]) -> float | None:
        """Zero if the first read sees the tag; None if no read sees it in time."""
        started, first = time.monotonic(), True
        while (waited := time.monotonic() - started) < LONGEST_READ_SECONDS:
            if tag in self.ssm.list_tags_for_resource(ResourceType="Document", ResourceId=name)["TagList"]:
                return 0.0 if first else round(waited, 2)
            first = False
            time.sleep(0.1)
        return None

    def lives(self) -> dict[str, Any]:
        """inputs of the wrong type"""
        wrong = content(1, cloudWatchStreamingEnabled="true", runAsEnabled="perhaps")
        return {"wrong_types": outcome(lambda: self.create("wrong-types", wrong))}

    def sharing(self) -> dict[str, Any]:
        """deletion of a shared document"""
        if not self.share_with:
            return {
                "delete_of_a_shared_document": {"not_checked": "no account was given to share a scratch document with"}
            }
        name = self.create("shared", content(1))
        self.active(name, "1")
        permission = {"Name": name, "PermissionType": "Share"}
        self.ssm.modify_document_permission(**permission, AccountIdsToAdd=[self.share_with])
        deleted = outcome(lambda: self.ssm.delete_document(Name=name))
        if "error" in deleted:
            self.ssm.modify_document_permission(**permission, AccountIdsToRemove=[self.share_with])
        return {"delete_of_a_shared_document": deleted}

    def formats(self) -> dict[str, Any]:
        """the format that GetDocument returns"""
        full = self.scratch.name("yaml")
        self.scratch.will_make("document", full)
        body = "schemaVersion: '1.0'\nsessionType: Standard_Stream\ninputs:\n  idleSessionTimeout: '1'\n"
        self.ssm.create_document(Name=full, DocumentType="Session", DocumentFormat="YAML", Content=body)
        self.active(full, "1")
        returned = self.ssm.get_document(Name=full)["Content"]
        return {"json_of_yaml": returned.lstrip().startswith("{")}

    def errors(self) -> dict[str, Any]:
        """a document that does not exist"""
        absent = self.scratch.name("absent")
        return {"describe_of_no_document": outcome(lambda: self.ssm.describe_document(Name=absent))}

    def settings(self) -> dict[str, Any]:
        """service settings, only read"""
        arn = self.ssm.get_service_setting(SettingId=TIER)["ServiceSetting"]["ARN"]
        return {"setting_by_arn": outcome(lambda: self.ssm.get_service_setting(SettingId=arn))}
