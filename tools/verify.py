"""`make verify`: checks in a real account what the project assumes about AWS, with scratch resources that it deletes at the end.

It writes a dated JSON report. A report from an emulator says so (`"emulated": true`) and is no evidence.
"""

import argparse
import json
import os
import re
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from verify_cloudformation import CloudFormation, Stacks
from verify_documents import Documents
from verify_facts import readings
from verify_provider import Provider
from verify_scratch import Scratch

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("documents", "cloudformation", "provider")
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")
COST = """This checks what the project assumes about AWS, in the account of your credentials, in {region} ({endpoint}).
It creates and deletes the following, all with the prefix {prefix}:
  documents        about 15 Systems Manager documents
  cloudformation   5 stacks with a Lambda function that waits for 15 s at a time, about 15 times, with 128 MB
  provider         a bucket with 3 MB, the provider's stack, and a stack with a document
Session Manager's preferences are {preferences}.
It costs less than 0.01 USD: Systems Manager documents and CloudFormation are free, the rest is seconds of Lambda, and kilobytes
of logs and a few megabytes in S3 for minutes. It takes about ten minutes. Sections: {sections}."""


def main() -> int:
    options = arguments()
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if not session.region_name or not session.get_credentials():
        missing = "AWS_REGION" if not session.region_name else "credentials"
        sys.exit(
            f"No {missing}: make verify needs credentials that `aws sts get-caller-identity` accepts, and the Region in AWS_REGION."
        )
    prefix = f"cfn-ssm-document-verify-{secrets.token_hex(3)}"
    config = Config(retries={"mode": "standard", "max_attempts": 5})
    scratch = Scratch(prefix, lambda service: session.client(service, config=config))
    endpoint = scratch.client("ssm").meta.endpoint_url
    region = scratch.client("ssm").meta.region_name
    preferences = "changed, and restored at the end, as you asked" if options.preferences else "never touched"
    chosen = ", ".join(options.only)
    print(COST.format(region=region, endpoint=endpoint, prefix=prefix, preferences=preferences, sections=chosen))
    if not options.yes and input("Continue? [yes/no] ").strip().lower() != "yes":
        print("Nothing was done.")
        return 2

    for stop in (signal.SIGINT, signal.SIGTERM):  # a background job of a shell inherits an ignored SIGINT
        signal.signal(stop, signal.default_int_handler)
    report: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "region": region,
        "endpoint": endpoint,
        "emulated": is_emulated(endpoint),
        "sections": list(options.only),
    }
    started, observations = time.monotonic(), {}
    try:
        for section in options.only:
            print(f"{section}:", flush=True)
            observations |= observe(section, scratch, options)
    except KeyboardInterrupt:
        report["interrupted"] = True
        print("\nInterrupted. Deleting what was created; interrupt again to leave it.", flush=True)
    except (ClientError, BotoCoreError, TimeoutError) as error:
        report["stopped_by"] = str(error)
        print(f"  stopped: {error}", flush=True)
    try:
        print("Cleaning up", flush=True)
        scratch.take_away()
    except KeyboardInterrupt:
        report["interrupted"] = True
    report |= {
        "seconds": round(time.monotonic() - started),
        "facts": readings(observations),
        "observations": observations,
    }
    report["left"] = scratch.left()
    path = write(report, options.report)
    summarize(report, path)
    return status_of(report)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="do not ask, for runs without a terminal")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS)
    )
    parser.add_argument(
        "--preferences",
        action="store_true",
        help="change Session Manager's preferences too, and restore them at the end",
    )
    parser.add_argument(
        "--share-with", metavar="ACCOUNT", help="share a scratch document with this account, for a moment"
    )
    parser.add_argument("--binary", type=Path, help="the function's binary, as make build made it")
    parser.add_argument(
        "--report", type=Path, help="the report's path; by default evidence/, or .local/ for an emulator"
    )
    options = parser.parse_args()
    if "provider" in options.only and not (options.binary and options.binary.exists()):
        parser.error("--binary must name the function's binary: make verify builds it")
    return options


def observe(section: str, scratch: Scratch, options: argparse.Namespace) -> dict[str, Any]:
    match section:
        case "documents":
            return Documents(scratch.client("ssm"), scratch, options.share_with).observe()
        case "cloudformation":
            return CloudFormation(Stacks(scratch.client("cloudformation"), scratch), scratch.client("logs")).observe()
        case _:
            stacks = Stacks(scratch.client("cloudformation"), scratch)
            return Provider(stacks, scratch, options.binary).observe(preferences=options.preferences)


def is_emulated(endpoint: str) -> bool:
    """Whether an endpoint is not AWS's own."""
    where = urlsplit(endpoint)
    return where.scheme != "https" or not (where.hostname or "").endswith(AWS_DOMAINS)


def write(report: dict[str, Any], path: Path | None) -> Path:
    """Writes the report without account ids, by default to evidence/, or to .local/verify/ for an emulator."""
    day = report["date"].replace(":", "").replace("+0000", "Z")
    folder = ROOT / (".local/verify" if report["emulated"] else "evidence")
    path = path or folder / f"{day}-{report['region']}{'-emulated' if report['emulated'] else ''}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(re.sub(r"\b[0-9]{12}\b", "111122223333", json.dumps(report, indent=2)) + "\n")
    return path


def summarize(report: dict[str, Any], path: Path) -> None:
    words = {True: "confirmed", False: "REFUTED", None: "undecided"}
    print()
    for fact in report["facts"]:
        if "not_checked" not in fact:
            print(f"{words[fact['as_believed']]:12} {fact['belief']}\n{'':12} observed: {fact['reading']}")
    unchecked = [fact["fact"] for fact in report["facts"] if "not_checked" in fact]
    print(f"\nNot checked: {', '.join(unchecked) or 'nothing'}")
    for name, seen in report["observations"].items():
        if name.startswith("probe "):
            print(f"{name} failed: {seen['error']}: {seen['message']}")
    if report["emulated"]:
        print("The endpoint is an emulator's: this report is no evidence of what AWS does.")
    if report["left"]:
        print("Left behind; delete with:\n  " + "\n  ".join(report["left"]))
    print(f"Report: {path}")


def status_of(report: dict[str, Any]) -> int:
    """0 if no fact is refuted, no probe failed and nothing is left; 130 if the run was interrupted; otherwise 1."""
    if report.get("interrupted"):
        return 130
    otherwise = any(fact.get("as_believed") is False for fact in report["facts"])
    broken = "stopped_by" in report or any(name.startswith("probe ") for name in report["observations"])
    return int(otherwise or broken or bool(report["left"]))


if __name__ == "__main__":
    sys.exit(main())
