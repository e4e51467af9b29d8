"""Probes of CloudFormation with a scratch custom resource that is slow and fails on demand (verify_slow_resource.py)."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from verify_documents import outcome
from verify_scratch import Scratch

SLOW_SECONDS = 15
FAILS_AFTER_SECONDS = 4
LONGEST_STACK_SECONDS = 600
LOG_DELAY_SECONDS = 60
HANDLER = (Path(__file__).parent / "verify_slow_resource.py").read_text()

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
FUNCTION = {
    "Resources": {
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 1}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "Policies": [
                    {
                        "PolicyName": "WriteItsOwnLog",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                                    "Resource": {"Fn::GetAtt": ["Log", "Arn"]},
                                }
                            ],
                        },
                    }
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 60,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "LoggingConfig": {"LogGroup": {"Ref": "Log"}},
                "Code": {"ZipFile": HANDLER},
            },
        },
    },
    "Outputs": {
        "ServiceToken": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}},
        "LogGroup": {"Value": {"Ref": "Log"}},
    },
}


class Stacks:
    """The scratch stacks of one run."""

    def __init__(self, cloudformation: Any, scratch: Scratch) -> None:
        self.cloudformation, self.scratch = cloudformation, scratch

    def start(self, name: str, template: dict[str, Any] | str, parameters: dict[str, str] | None = None) -> str:
        """Creates a stack, or updates one that this run created; returns its full name without waiting."""
        full = self.scratch.name(name)
        body = template if isinstance(template, str) else json.dumps(template)
        listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
        if ("stack", full) in self.scratch.noted:
            call = self.cloudformation.update_stack
        else:
            call = self.cloudformation.create_stack
            self.scratch.will_make("stack", full)
        call(StackName=full, TemplateBody=body, Parameters=listed, Capabilities=["CAPABILITY_IAM"])
        return full

    def put(self, name: str, template: dict[str, Any] | str, parameters: dict[str, str] | None = None) -> str:
        """Creates or updates a stack, and returns the status that it ends in."""
        return self.settled(self.start(name, template, parameters))

    def settled(self, full: str) -> str:
        deadline = time.monotonic() + LONGEST_STACK_SECONDS
        while True:
            status = str(self.cloudformation.describe_stacks(StackName=full)["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(f"{full} stays {status}")
            time.sleep(1)

    def outputs(self, name: str) -> dict[str, str]:
        found = self.cloudformation.describe_stacks(StackName=self.scratch.name(name))["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def reasons(self, name: str) -> str:
        """Why resources of the stack failed."""
        events = self.cloudformation.describe_stack_events(StackName=self.scratch.name(name))["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return "; ".join(event.get("ResourceStatusReason", "") for event in reversed(failed))


class CloudFormation:
    """The probes; each has stacks of its own."""

    def __init__(self, stacks: Stacks, logs: Any) -> None:
        self.stacks, self.logs = stacks, logs
        self.token = self.log_group = ""

    def observe(self) -> dict[str, Any]:
        print("  the scratch function", flush=True)
        status = self.stacks.put("slow", FUNCTION)
        if status != "CREATE_COMPLETE":
            return {"probe slow": {"error": status, "message": self.stacks.reasons("slow")}}
        outputs = self.stacks.outputs("slow")
        self.token, self.log_group = outputs["ServiceToken"], outputs["LogGroup"]
        seen: dict[str, Any] = {}
        for probe in (self.slow_create, self.failed_update, self.cancelled_create, self.cancelled_update):
            print(f"  {probe.__doc__}", flush=True)
            failed = outcome(lambda probe=probe: seen.update(probe()))
            if "error" in failed:
                seen[f"probe {probe.__name__}"] = failed
        return seen

    def resource(self, **properties: Any) -> dict[str, Any]:
        base = {"ServiceToken": self.token, "ServiceTimeout": "60"}
        return {
            "Type": "Custom::VerifySlow",
            "Properties": base | {key: str(value) for key, value in properties.items()},
        }

    def requests(self, name: str, at_least: int) -> list[dict[str, Any]]:
        """What the function logged about a stack's requests, in order. Logs arrive late."""
        full, deadline = self.stacks.scratch.name(name), time.monotonic() + LOG_DELAY_SECONDS
        while True:
            pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=self.log_group)
            lines = [event["message"] for page in pages for event in page["events"]]
            parsed = [json.loads(line) for line in lines if line.startswith('{"verify"')]
            found = sorted((line for line in parsed if line["stack"] == full), key=lambda line: line["time"])
            if len(found) >= at_least or time.monotonic() > deadline:
                return found
            time.sleep(3)

    def slow_create(self) -> dict[str, Any]:
        """the timestamp of a Create that takes 15 s"""
        full = self.stacks.start("slow-create", {"Resources": {"Slow": self.resource(Seconds=SLOW_SECONDS)}})
        stamps: list[str] = []
        deadline = time.monotonic() + LONGEST_STACK_SECONDS
        while time.monotonic() < deadline:
            try:
                found = self.stacks.cloudformation.describe_stack_resource(StackName=full, LogicalResourceId="Slow")
            except ClientError:  # not there yet
                time.sleep(0.5)
                continue
            detail = found["StackResourceDetail"]
            if not detail["ResourceStatus"].endswith("_IN_PROGRESS"):
                break
            stamps.append(detail["LastUpdatedTimestamp"].isoformat())
            time.sleep(1)
        self.stacks.settled(full)
        logged = self.requests("slow-create", 1)
        signed = {
            key: logged[0][key] for key in ("X-Amz-Date", "X-Amz-Expires", "Expires") if logged and key in logged[0]
        }
        received = {"received": logged[0]["time"]} if logged else {}
        date = signed.get("X-Amz-Date")
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat() if date else None
        return {"slow_create": {"timestamps": stamps, "signed": at}, "response_url": signed | received}

    def failed_update(self) -> dict[str, Any]:
        """the physical id after a failed Update"""
        self.stacks.put("failed-update", {"Resources": {"Slow": self.resource(Id="before")}})
        self.stacks.put("failed-update", {"Resources": {"Slow": self.resource(Id="failed", Fail="Update")}})
        updates = [request["id"] for request in self.requests("failed-update", 3) if request["verify"] == "Update"]
        rollback = updates[1] if len(updates) > 1 else None
        return {"failed_update": {"id_before": "before", "failed_id": "failed", "rollback_id": rollback}}

    def cancelled_create(self) -> dict[str, Any]:
        """a Create that is cancelled because a sibling fails"""
        broken = self.resource(Seconds=FAILS_AFTER_SECONDS, Fail="Create")
        slow = self.resource(Seconds=SLOW_SECONDS, Id="own")
        self.stacks.put("cancelled-create", {"Resources": {"Slow": slow, "Broken": broken}})
        requests = self.requests("cancelled-create", 4)
        deletes = [
            request["id"] for request in requests if (request["verify"], request["logical"]) == ("Delete", "Slow")
        ]
        names = {"stack": self.stacks.scratch.name("cancelled-create"), "logical_id": "Slow", "own_id": "own"}
        return {"cancelled_create": names | {"delete_id": deletes[0] if deletes else None}}

    def cancelled_update(self) -> dict[str, Any]:
        """an Update that is cancelled because a sibling fails"""
        name = "cancelled-update"
        self.stacks.put(name, {"Resources": {"Slow": self.resource(Mark=1), "Broken": self.resource(Mark=1)}})
        broken = self.resource(Mark=2, Seconds=FAILS_AFTER_SECONDS, Fail="Update")
        self.stacks.put(name, {"Resources": {"Slow": self.resource(Mark=2, Seconds=SLOW_SECONDS), "Broken": broken}})
        requests = self.requests(name, 6)
        times = [
            request["time"] for request in requests if (request["verify"], request["logical"]) == ("Update", "Slow")
        ]
        between = times[1] - times[0] if len(times) > 1 else None
        return {"cancelled_update": {"takes": SLOW_SECONDS, "seconds_between": between}}
