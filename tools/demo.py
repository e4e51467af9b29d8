"""`make run`: what the provider does, on a local AWS, step by step, with the real sam, as a user would do it.

Every step says what it does, what came of it, and which promises it checked. Ends with 1 if one was not kept.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import drift_events
from document_view import DocumentView, coloured, view
from drift_events import ALICE, moved
from local_aws import ROOT, local_aws
from stacks import HOST_ARCHITECTURE, PROVIDER, SamFailed, Stacks

DOCUMENT = "SSM-SessionManagerRunShell"
OTHER = "another-stack"
WORKLOAD = "workload"
TEAM = "team-shell"
MADE_BY_HAND = {
    "schemaVersion": "1.0",
    "description": "Made in the console",
    "sessionType": "Standard_Stream",
    "inputs": {"idleSessionTimeout": "20", "cloudWatchStreamingEnabled": True, "runAsEnabled": False},
}
# Fails after the preferences were changed: the name's prefix is reserved.
BROKEN_RESOURCE = """Resources:
  Broken:
    Type: Custom::SsmDocument
    DependsOn: SessionPreferences
    Properties:
      ServiceToken: !GetAtt ProviderFunction.Arn
      ServiceTimeout: 60
      DocumentName: aws-not-allowed
      DocumentContent: '{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}}'
"""


class Demo:
    """The steps so far and what became of their promises."""

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks
        self.broken: list[str] = []
        self.seen: set[str] = set()
        self.views: dict[str, DocumentView] = {}

    @property
    def earlier(self) -> DocumentView:
        """The preferences document after the last step that concerned it."""
        return self.views[DOCUMENT]

    def step(
        self,
        title: str,
        command: str,
        work: Callable[[], object],
        stack: str | None = None,
        document: str = DOCUMENT,
    ) -> DocumentView:
        """Does one step; shows its command, the stack's new events, the document and how long it took."""
        ssm = self.stacks.client("ssm")
        earlier = self.views.get(document) or view(ssm, document)
        print(f"\n{coloured(title, 'bold')}\n  {coloured('$ ' + command, 'dim')}", flush=True)
        started = time.monotonic()
        work()
        seconds = time.monotonic() - started
        if stack:
            self.print_events(stack)
        now = view(ssm, document)
        print(f"  {document}: {now.line()}")
        for line in now.changes_since(earlier):
            print(f"    {line}")
        print(f"  {coloured(f'took {seconds:.1f} s', 'dim')}", flush=True)
        self.views[document] = now
        return now

    def print_events(self, stack: str) -> None:
        """The events of this step that matter: the stack's own and the custom resources'."""
        shown = ("AWS::CloudFormation::Stack", "Custom::SsmDocument")
        for event in self.stacks.events(stack) if self.stacks.status(stack) else []:
            if event["EventId"] in self.seen or event["ResourceType"] not in shown:
                continue
            self.seen.add(event["EventId"])
            status = event["ResourceStatus"]
            colour = "red" if "FAILED" in status or "ROLLBACK" in status else "green" if "COMPLETE" in status else "dim"
            print(f"  {event['LogicalResourceId']:20} {coloured(status, colour)}")
            if status.endswith("_FAILED"):
                print(f"    {event.get('ResourceStatusReason', '')}")

    def check(self, promise: str, kept: bool) -> None:
        """Notes whether a promise was kept."""
        print(f"  {coloured('kept:', 'green') if kept else coloured('NOT KEPT:', 'red')} {promise}", flush=True)
        if not kept:
            self.broken.append(promise)


def deployed(demo: Demo, title: str, template: Path, parameters: dict[str, str], name: str = PROVIDER) -> DocumentView:
    """Deploys a stack with the real sam."""
    arguments = " ".join(f"{key}={value}" for key, value in parameters.items())
    command = f"sam deploy --stack-name {name} --template-file {template.name} --parameter-overrides ... {arguments}"
    return demo.step(title, command, lambda: demo.stacks.sam_deploy(name, template, parameters), name)


def deleted(demo: Demo, name: str) -> None:
    """Deletes a stack, and checks that its document stays."""
    before = demo.earlier
    # Not sam delete, which does the same but checks only every half minute whether it is done.
    command = f"aws cloudformation delete-stack --stack-name {name}"
    now = demo.step(f"Delete {name}", command, lambda: demo.stacks.delete(name))
    demo.check("the stack is gone", not demo.stacks.status(name))
    demo.check("the document is untouched, with all its versions", replace(now, tags={}) == replace(before, tags={}))
    demo.check("none of the stack's tags is left on it", not now.tags)


def run(stacks: Stacks) -> list[str]:
    """Runs all steps; returns the promises that were not kept."""
    ssm = stacks.client("ssm")
    demo = Demo(stacks)

    def by_hand() -> None:
        content = json.dumps(MADE_BY_HAND)
        ssm.create_document(Name=DOCUMENT, DocumentType="Session", DocumentFormat="JSON", Content=content)
        make_team_document(ssm)

    demo.step("Somebody made the preferences by hand", "aws ssm create-document (as the console does)", by_hand)

    built: list[Path] = []
    demo.step("Build for this machine", "sam build", lambda: built.append(stacks.sam_build()))
    template = built[0]

    now = deployed(demo, "Create: the stack adopts them", template, {"IdleSessionTimeout": "15"})
    demo.check("the document has the stack's preferences", now.inputs.get("idleSessionTimeout") == "15")
    demo.check("the hand-made version is still there", now.versions == ("1", "2"))

    parameters = {"IdleSessionTimeout": "30", "MaxSessionDuration": "480"}
    before = deployed(demo, "Update: a longer idle timeout, and a maximum session duration", template, parameters)
    demo.check(
        "a third version is the default version", before.default == "3" and before.inputs["idleSessionTimeout"] == "30"
    )

    broken = template.with_name("broken.yaml")
    broken.write_text(template.read_text().replace("Resources:\n", BROKEN_RESOURCE, 1))

    def rolled_back() -> None:
        try:
            stacks.sam_deploy(PROVIDER, broken, {"IdleSessionTimeout": "60"})
        except SamFailed:
            return
        demo.check("sam deploy reports the failure", False)

    command = f"sam deploy --stack-name {PROVIDER} --template-file {broken.name} ... IdleSessionTimeout=60"
    title = "Rollback: another change, followed by a resource that fails"
    now = demo.step(title, command, rolled_back, PROVIDER)
    demo.check("the stack rolled back", stacks.status(PROVIDER) == "UPDATE_ROLLBACK_COMPLETE")
    demo.check("the document has the earlier preferences again", now.inputs == before.inputs)

    deleted(demo, PROVIDER)
    now = deployed(demo, "Adopt: another stack adopts the document", template, {"IdleSessionTimeout": "10"}, OTHER)
    demo.check("the document has the stack's preferences", now.inputs.get("idleSessionTimeout") == "10")
    deleted(demo, OTHER)
    shared(demo, template)
    return demo.broken


def shared(demo: Demo, template: Path) -> None:
    """Two stacks share the preferences: each manages its own keys, and gives them back."""
    stacks, before = demo.stacks, demo.earlier
    parameters = {"ContentMode": "Merge", "OnDelete": "Restore", "KmsKeyId": "alias/sessions", "DriftGuard": "Repair"}
    deployed(demo, "Merge: one stack manages the KMS key in the preferences", template, parameters)
    moved_by_hand = team_document_moved_by_hand(demo)

    def workload() -> None:
        example = (ROOT / "examples/layered-preferences.yaml").read_text()
        demo.check(
            "the stack is complete", stacks.put(WORKLOAD, example, {"IdleSessionTimeout": "5"}) == "CREATE_COMPLETE"
        )

    command = f"aws cloudformation deploy --stack-name {WORKLOAD} --template-file examples/layered-preferences.yaml ..."
    now = demo.step("Merge: another stack manages the idle timeout", command, workload, WORKLOAD)
    given = {"kmsKeyId": "alias/sessions", "idleSessionTimeout": "5"}
    demo.check("the document has the preferences of both, and all others stay", now.inputs == before.inputs | given)
    command = f"aws cloudformation delete-stack --stack-name {WORKLOAD}"
    now = demo.step(f"Delete {WORKLOAD}", command, lambda: stacks.delete(WORKLOAD))
    given = {"kmsKeyId": "alias/sessions"}
    demo.check("its preference is as it was before, and the other stack's stays", now.inputs == before.inputs | given)
    repaired(demo, moved_by_hand)
    command = f"aws cloudformation delete-stack --stack-name {PROVIDER}"
    now = demo.step(f"Delete {PROVIDER}", command, lambda: stacks.delete(PROVIDER))
    demo.check("the preferences are as they were before both", now.inputs == before.inputs)
    demo.check("none of the stacks' tags is left on the document", not now.tags)


def team_content(minutes: str) -> str:
    """The team's session document."""
    return json.dumps(MADE_BY_HAND | {"description": "The team's", "inputs": {"idleSessionTimeout": minutes}})


def make_team_document(ssm: Any) -> None:
    """Another document, made by hand as well: version 2 is the default version."""
    ssm.create_document(Name=TEAM, DocumentType="Session", DocumentFormat="JSON", Content=team_content("10"))
    ssm.update_document(Name=TEAM, DocumentVersion="$LATEST", DocumentFormat="JSON", Content=team_content("20"))
    ssm.update_document_default_version(Name=TEAM, DocumentVersion="2")


def team_document_moved_by_hand(demo: Demo) -> dict[str, Any]:
    """A stack adopts the team's document, and somebody moves its default version; gives CloudTrail's event of that."""
    stacks = demo.stacks
    properties = {
        "ServiceToken": stacks.outputs(PROVIDER)["ServiceToken"],
        "ServiceTimeout": 900,
        "DocumentName": TEAM,
        "DocumentContent": team_content("20"),
    }
    template = json.dumps({"Resources": {"Document": {"Type": "Custom::SsmDocument", "Properties": properties}}})
    command = f"aws cloudformation deploy --stack-name {TEAM} ..."
    demo.step("Drift: a stack adopts a team's document", command, lambda: stacks.put(TEAM, template), TEAM, TEAM)

    def move() -> None:
        stacks.client("ssm").update_document_default_version(Name=TEAM, DocumentVersion="1")

    command = f"aws ssm update-document-default-version --name {TEAM} --document-version 1"
    now = demo.step("Drift: somebody moves its default version by hand", command, move, document=TEAM)
    demo.check("its default version is now version 1", now.default == "1")
    return moved(TEAM, "1", at=drift_events.now(), region=stacks.region)


def repaired(demo: Demo, event: dict[str, Any]) -> None:
    """The event of the rule arrives. The guard looks again once 20 s have passed since the default version was moved."""
    stacks, told = demo.stacks, []

    def invoke() -> None:
        told.append(stacks.invoke(stacks.outputs(PROVIDER)["FunctionName"], event))
        for message in ("the document drifted", "the default version was restored"):
            for line in told[0].lines(message):
                print(f"  {json.dumps(line)}")

    command = "(EventBridge delivers CloudTrail's UpdateDocumentDefaultVersion; this local AWS has no trail)"
    now = demo.step("Drift: the guard restores the default version", command, invoke, document=TEAM)
    demo.check("the default version is again the one that the stack set", now.default == "2")
    demo.check("the log says who moved it", told[0].lines("the document drifted")[0]["who"] == ALICE["arn"])
    demo.check("both metrics are recorded", told[0].metrics() == ["DriftedDocuments", "RepairedDocuments"])
    stacks.delete(TEAM)


def main() -> None:
    """Runs the demonstration on a local AWS that ends with it."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    started = time.monotonic()
    print(f"Starting a local AWS (CloudFormation, Lambda on {HOST_ARCHITECTURE}, S3, Systems Manager)", flush=True)
    try:
        with local_aws() as aws:
            print(f"  CloudFormation at {aws.url}, Systems Manager at {aws.ssm_url}")
            broken = run(Stacks(aws))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The local AWS has stopped.")
    except SamFailed as failed:
        sys.exit(f"\n{failed}")
    seconds = time.monotonic() - started
    if broken:
        sys.exit(f"\nPromises not kept, after {seconds:.0f} s:\n" + "\n".join(f"  {promise}" for promise in broken))
    print(f"\nAll promises kept, in {seconds:.0f} s. The local AWS has stopped.")


if __name__ == "__main__":
    main()
