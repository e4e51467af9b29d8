"""Stacks on the local AWS: with the real `sam` where a user would use it, and through CloudFormation's API."""

import base64
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from architectures import HOST_ARCHITECTURE
from botocore.config import Config
from botocore.exceptions import ClientError
from local_aws import REGION, ROOT, LocalAws

PROVIDER = "cfn-ssm-document"  # the stack that samconfig.toml names
SAM = Path(sys.executable).parent / "sam"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
SLOWEST_STACK_SECONDS = 300
SLOWEST_INVOCATION_SECONDS = 200
SLOWEST_SAM_SECONDS = 600
SLOWEST_BUILD_SECONDS = 1800


class SamFailed(Exception):
    """`sam` ended with an error; the text is what it printed."""


@dataclass(frozen=True)
class Invoked:
    """The outcome of an invocation: the error that the runtime was told, if any, and the log's last 4 KB, line by line."""

    error: dict[str, Any] | None
    log: list[dict[str, Any]]

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message, without their timestamps."""
        found = [line for line in self.log if line.get("message") == message]
        return [{name: value for name, value in line.items() if name != "timestamp"} for line in found]

    def metrics(self) -> list[str]:
        """The metrics that were counted, in embedded metric format."""
        directives = [one for line in self.log for one in line.get("_aws", {}).get("CloudWatchMetrics", [])]
        return [metric["Name"] for directive in directives for metric in directive["Metrics"]]


@dataclass(frozen=True)
class Stacks:
    """The stacks of one Region of a local AWS."""

    aws: LocalAws
    region: str = REGION

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of the local AWS, whatever this process's own environment says."""
        url = self.aws.ssm_url if service == "ssm" else self.aws.url
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=url, region_name=self.region, config=config, **keys)

    def sam(self, *arguments: str, seconds: int = SLOWEST_SAM_SECONDS) -> str:
        """Runs `sam` in the project's folder, with its samconfig.toml."""
        command = [str(SAM), *arguments, "--config-file", str(ROOT / "samconfig.toml")]
        environment = self.aws.environment()
        printed = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        try:
            done = subprocess.run(command, check=False, cwd=ROOT, env=environment, timeout=seconds, **printed)
        except subprocess.TimeoutExpired as late:
            log = (self.aws.folder / "ministack.log").read_text()[-2000:]
            raise SamFailed(
                f"{' '.join(command)}\nnot done after {seconds} s. The local AWS said last:\n{log}"
            ) from late
        if done.returncode != 0:
            raise SamFailed(f"{' '.join(command)}\n{done.stdout}")
        return done.stdout

    def sam_build(self, architecture: str = HOST_ARCHITECTURE) -> Path:
        """Builds the project's template outside the user's own .aws-sam; returns the built template's path."""
        folder = self.aws.folder / "sam/build"
        overrides = ("--parameter-overrides", f"Architecture={architecture}")
        self.sam("build", "--build-dir", str(folder), *overrides, seconds=SLOWEST_BUILD_SECONDS)
        return folder / "template.yaml"

    def sam_deploy(self, name: str, template: Path, parameters: dict[str, str]) -> None:
        """Deploys a template; a built one is deployed with the architecture that it was built for."""
        built = template.parent.parent / "built.yaml"
        overrides = [f"file://{built}"] if built.exists() else []
        overrides += [f"ParameterKey={key},ParameterValue={value}" for key, value in parameters.items()]
        self.sam(
            *("deploy", "--stack-name", name, "--template-file", str(template), "--no-progressbar"),
            *("--parameter-overrides", *overrides),
        )

    def invoke(self, function: str, event: dict[str, Any]) -> "Invoked":
        """Invokes a function and waits for it; returns its error, if any, and its log."""
        waiting = Config(read_timeout=SLOWEST_INVOCATION_SECONDS, retries={"total_max_attempts": 1})
        lambda_ = self.client("lambda", waiting)
        done = lambda_.invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
        said = base64.b64decode(done.get("LogResult", "")).decode()
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{") and line.endswith("}")]
        error = json.loads(done["Payload"].read()) if "FunctionError" in done else None
        return Invoked(error, lines)

    def put(self, name: str, template: str, parameters: dict[str, str] | None = None) -> str:
        """Creates or updates a stack and waits; returns the status that it ends in."""
        cloudformation = self.client("cloudformation")
        call = cloudformation.update_stack if self.status(name) else cloudformation.create_stack
        listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
        call(StackName=name, TemplateBody=template, Parameters=listed, Capabilities=CAPABILITIES)
        return self.settled(name)

    def delete(self, name: str) -> str:
        """Deletes a stack and waits; returns the status that it ends in."""
        # A deleted stack is found by its id alone.
        stack_id = self.describe(name)["StackId"]
        self.client("cloudformation").delete_stack(StackName=name)
        return self.settled(stack_id)

    def settled(self, name: str) -> str:
        """The status once nothing is in progress."""
        deadline = time.monotonic() + SLOWEST_STACK_SECONDS
        while (status := self.status(name) or "DELETE_COMPLETE").endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} stays {status}")
            time.sleep(0.2)
        return status

    def describe(self, name: str) -> dict[str, Any]:
        """The stack as CloudFormation describes it; empty if there is none."""
        try:
            found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return found

    def status(self, name: str) -> str:
        """The stack's status; empty if there is none."""
        return str(self.describe(name).get("StackStatus", ""))

    def outputs(self, name: str) -> dict[str, str]:
        """The stack's outputs by key."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe(name).get("Outputs", [])}

    def events(self, name: str) -> list[dict[str, Any]]:
        """The stack's events, oldest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def reasons(self, name: str) -> str:
        """Why resources of the stack failed."""
        failed = [event for event in self.events(name) if event["ResourceStatus"].endswith("_FAILED")]
        return "\n".join(event.get("ResourceStatusReason", "") for event in failed)
