"""Deploys the provider under the run's prefix, runs a document through all requests, and reads the function's figures."""

import json
import time
from pathlib import Path
from typing import Any

from function_zip import architecture_of, code_key, function_zip
from verify_cloudformation import Stacks
from verify_facts import measured
from verify_scratch import Scratch

ROOT = Path(__file__).resolve().parent.parent
LOG_DELAY_SECONDS = 60
PREFERENCES = "SSM-SessionManagerRunShell"


class Provider:
    """The scratch stacks of the provider and of documents."""

    def __init__(self, stacks: Stacks, scratch: Scratch, binary: Path) -> None:
        self.stacks, self.scratch, self.binary = stacks, scratch, binary

    def observe(self, *, preferences: bool) -> dict[str, Any]:
        """The life of a scratch document, of the preferences as well if asked, and the function's figures."""
        print("  the provider", flush=True)
        status = self.deploy()
        if status != "CREATE_COMPLETE":
            return {"probe provider": {"error": status, "message": self.stacks.reasons("provider")}}
        outputs = self.stacks.outputs("provider")
        print("  a document: create, update, roll back, delete", flush=True)
        seen: dict[str, Any] = {"life": self.life(outputs["ServiceToken"], "life", self.scratch.name("life"))}
        if preferences:
            print(f"  {PREFERENCES}: the same, restored at the end", flush=True)
            seen["life_of_the_preferences"] = self.life(outputs["ServiceToken"], "preferences", PREFERENCES)
        return seen | {"invocations": self.invocations(outputs["LogGroupName"])}

    def deploy(self) -> str:
        """The StackSet template, with its code from a scratch bucket."""
        binary = self.binary.read_bytes()
        region = self.scratch.client("s3").meta.region_name
        bucket = self.scratch.name(region)
        self.scratch.will_make("bucket", bucket)
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3, key = self.scratch.client("s3"), code_key(binary)
        s3.create_bucket(Bucket=bucket, **where)
        s3.put_object(Bucket=bucket, Key=key, Body=function_zip(binary))
        wanted = {
            "BucketPrefix": self.scratch.prefix,
            "CodeKeyArm64": key,
            "CodeKeyX8664": key,
            "Architecture": str(architecture_of(binary)),
            "ManagePreferences": "false",
            "ServiceTokenParameterName": "",
        }
        template = (ROOT / "stackset/template.yaml").read_text()
        known = {summary["ParameterKey"] for summary in self._validated(template)}
        return self.stacks.put("provider", template, {name: value for name, value in wanted.items() if name in known})

    def _validated(self, template: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stacks.cloudformation.validate_template(TemplateBody=template)["Parameters"]
        return found

    def life(self, token: str, stack: str, document: str) -> list[dict[str, str]]:
        """Create, update, a rolled back update, delete: the stack's status after each, and the document's default version."""
        if document != PREFERENCES:
            self.scratch.will_make("document", document)
        steps = [
            ("create", self.template(token, document, 10)),
            ("update", self.template(token, document, 20)),
            ("roll back", self.template(token, document, 30, broken=True)),
        ]
        before, seen = self.default_version(document), []
        for step, template in steps:
            status = self.stacks.put(stack, template)
            seen.append({"step": step, "status": status, "document": self.default_version(document)})
        full = self.scratch.name(stack)
        self.stacks.cloudformation.delete_stack(StackName=full)
        waiter = self.stacks.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=full, WaiterConfig={"Delay": 3, "MaxAttempts": 100})
        after = self.default_version(document)
        end = "as before" if after == before else f"{after}, but before: {before}"
        return [*seen, {"step": "delete", "status": "DELETE_COMPLETE", "document": end}]

    def template(self, token: str, document: str, minutes: int, *, broken: bool = False) -> dict[str, Any]:
        """A document under Restore and, if `broken`, a resource that is refused."""
        content = {
            "schemaVersion": "1.0",
            "sessionType": "Standard_Stream",
            "inputs": {"idleSessionTimeout": str(minutes)},
        }
        base = {
            "ServiceToken": token,
            "ServiceTimeout": 300,
            "OnDelete": "Restore",
            "DocumentContent": json.dumps(content),
        }
        resources: dict[str, Any] = {
            "Document": {"Type": "Custom::SsmDocument", "Properties": base | {"DocumentName": document}}
        }
        if broken:
            refused = {"Type": "Custom::SsmDocument", "Properties": base | {"DocumentName": "aws-not-allowed"}}
            resources["Broken"] = refused | {"DependsOn": "Document"}
        return {"Resources": resources}

    def default_version(self, document: str) -> str:
        """The default version and its idle timeout, in words."""
        ssm = self.scratch.client("ssm")
        try:
            found = ssm.get_document(Name=document, DocumentFormat="JSON")
        except ssm.exceptions.InvalidDocument:
            return "none"
        minutes = json.loads(found["Content"])["inputs"].get("idleSessionTimeout", "")
        return f"version {found['DocumentVersion']}, idle after {minutes} minutes"

    def invocations(self, log_group: str) -> list[dict[str, float]] | dict[str, str]:
        """Durations and memory of each invocation, from the function's REPORT lines. Logs arrive late."""
        logs, deadline = self.scratch.client("logs"), time.monotonic() + LOG_DELAY_SECONDS
        while True:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=log_group)
            lines = [event["message"].strip() for page in pages for event in page["events"]]
            found = [
                figures for line in lines if (figures := measured(json.loads(line) if line.startswith("{") else line))
            ]
            if found:
                return found
            if time.monotonic() > deadline or not lines:
                return {"not_checked": "the log has no REPORT line"}
            time.sleep(5)
