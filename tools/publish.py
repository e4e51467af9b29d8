"""Publishes the function's code to one bucket per Region, from which StackSets take it.

Buckets are named <prefix>-<Region>; keys are made from the content. Existing objects are left alone, so that you can repeat an
interrupted run. Writes dist/stackset.yaml, the StackSet template with the keys filled in.

    python tools/publish.py --bucket-prefix example-cfn-ssm-document --regions "eu-central-1 us-east-1" \\
        --organization-id o-a1b2c3d4e5
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import boto3
from architectures import RUST_TARGETS, release_binary
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from function_zip import architecture_of, code_key, function_zip
from stackset_render import RENDERED, ROOT, with_code_keys

BINARIES = {architecture: release_binary(architecture) for architecture in RUST_TARGETS}
RETRIES = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=60)
OUR_STATEMENT = "CfnSsmDocumentOrganizationReads"


@dataclass(frozen=True)
class Code:
    """The code for one architecture."""

    architecture: str
    key: str
    body: bytes


@dataclass(frozen=True)
class Place:
    """One Region's bucket, and who owns and reads it."""

    region: str
    bucket: str
    account: str
    partition: str
    organization: str | None


class Refused(Exception):
    """A problem that another run won't solve."""


def read_code(architecture: str, binary: Path) -> Code:
    if not binary.exists():
        raise Refused(f"{binary} does not exist: run make build ARCH={architecture} first")
    content = binary.read_bytes()
    if architecture_of(content) != architecture:
        raise Refused(f"{binary} is not a binary for {architecture}")
    return Code(architecture, code_key(content), function_zip(content))


def codes_of_bundle(bundle: Path) -> list[Code]:
    """The code of an unpacked release, as it was released."""
    try:
        sums = dict(reversed(line.split()) for line in (bundle / "SHA256SUMS").read_text().splitlines())
        keys = [line.split() for line in (bundle / "code-keys.txt").read_text().splitlines()]
        codes = [Code(architecture, key, (bundle / key).read_bytes()) for architecture, key in keys]
    except (OSError, ValueError) as error:
        raise Refused(f"{bundle} is not an unpacked release: {error}") from error
    if damaged := [code.key for code in codes if hashlib.sha256(code.body).hexdigest() != sums.get(code.key)]:
        raise Refused(f"damaged in {bundle}: {', '.join(damaged)}")
    return codes


def wanted_policy(place: Place, policy: dict) -> dict:
    """A bucket's policy with our statement as it should be, and all others unchanged."""
    statements = [statement for statement in policy.get("Statement", []) if statement.get("Sid") != OUR_STATEMENT]
    if place.organization:
        statements.append(
            {
                "Sid": OUR_STATEMENT,
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:{place.partition}:s3:::{place.bucket}/cfn-ssm-document/*",
                "Condition": {
                    "StringEquals": {"aws:PrincipalOrgID": place.organization},
                    "Bool": {"aws:SecureTransport": "true"},
                },
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def publish(place: Place, codes: list[Code]) -> list[str]:
    """Brings one Region's bucket to the desired state; returns what was done, as text."""
    # A session of its own: boto3's shared one is not made for threads.
    s3 = boto3.session.Session().client("s3", region_name=place.region, config=RETRIES)
    done = [f"bucket {place.bucket} created"] if ensure_bucket(s3, place) else []
    if ensure_policy(s3, place):
        done.append("policy set")
    for code in codes:
        if ensure_code(s3, place, code):
            done.append(f"{code.architecture} uploaded ({len(code.body) / 1e6:.1f} MB)")
    return done


def ensure_bucket(s3, place: Place) -> bool:
    try:
        s3.head_bucket(Bucket=place.bucket, ExpectedBucketOwner=place.account)
        return False
    except ClientError as error:
        match error.response["Error"]["Code"]:
            case "404" | "NoSuchBucket":
                pass
            case "403" | "AccessDenied":
                raise Refused(f"{place.bucket} belongs to another account, or you may not see it") from error
            case _:
                raise
    # us-east-1 is the one Region that must not be named.
    where = {} if place.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
    s3.create_bucket(Bucket=place.bucket, ObjectOwnership="BucketOwnerEnforced", **where)
    s3.get_waiter("bucket_exists").wait(Bucket=place.bucket)
    # S3 blocks public access and encrypts by default; this says so even where an account's defaults were changed.
    s3.put_public_access_block(
        Bucket=place.bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_tagging(Bucket=place.bucket, Tagging={"TagSet": [{"Key": "project", "Value": "cfn-ssm-document"}]})
    return True


def ensure_policy(s3, place: Place) -> bool:
    there = {"Bucket": place.bucket, "ExpectedBucketOwner": place.account}
    try:
        policy = json.loads(s3.get_bucket_policy(**there)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        policy = {}
    wanted = wanted_policy(place, policy)
    if wanted["Statement"] == policy.get("Statement", []):
        return False
    if wanted["Statement"]:
        s3.put_bucket_policy(Policy=json.dumps(wanted), **there)
    else:
        s3.delete_bucket_policy(**there)
    return True


def ensure_code(s3, place: Place, code: Code) -> bool:
    try:
        s3.head_object(Bucket=place.bucket, Key=code.key, ExpectedBucketOwner=place.account)
        return False
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
    s3.put_object(
        Bucket=place.bucket,
        Key=code.key,
        Body=code.body,
        ContentType="application/zip",
        ChecksumSHA256=base64.b64encode(hashlib.sha256(code.body).digest()).decode(),
        ExpectedBucketOwner=place.account,
    )
    return True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket-prefix", required=True, help="buckets are named <prefix>-<Region>")
    parser.add_argument("--regions", required=True, help="Regions, separated by spaces or commas")
    parser.add_argument("--organization-id", help="let the accounts of this organization (o-...) read the code")
    parser.add_argument("--bundle", type=Path, help="publish the code of this unpacked release; nothing is built")
    parser.add_argument(
        "--binary",
        action="append",
        default=[],
        metavar="ARCH=PATH",
        help="use this binary instead of target/…/bootstrap",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "dist" / "stackset.yaml",
        help="where to write the template with the keys filled in",
    )
    given = parser.parse_args()
    given.regions = list(dict.fromkeys(re.split(r"[\s,]+", given.regions.strip())))
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]", given.bucket_prefix):
        parser.error(
            f"--bucket-prefix {given.bucket_prefix}: must be 3 to 42 lowercase letters, digits, dots and hyphens"
        )
    if wrong := [region for region in given.regions if not re.fullmatch(r"[a-z]{2,3}(-[a-z]+)+-\d", region)]:
        parser.error(f"--regions: not the name of a Region: {', '.join(wrong)}")
    if given.organization_id and not re.fullmatch(r"o-[a-z0-9]{10,32}", given.organization_id):
        parser.error(f"--organization-id {given.organization_id}: must look like o-a1b2c3d4e5")
    given.binaries = dict(BINARIES)
    for binary in given.binary:
        architecture, _, path = binary.partition("=")
        if architecture not in BINARIES or not path:
            parser.error(f"--binary {binary}: must be arm64=PATH or x86_64=PATH")
        given.binaries[architecture] = Path(path)
    return given


def main() -> None:
    given = arguments()
    try:
        if given.bundle:
            codes = codes_of_bundle(given.bundle)
            template = (given.bundle / "stackset.yaml").read_text()
        else:
            codes = [read_code(architecture, binary) for architecture, binary in given.binaries.items()]
            template = with_code_keys(RENDERED.read_text(), {code.architecture: code.key for code in codes})
    except Refused as refused:
        sys.exit(str(refused))
    identity = boto3.client("sts", region_name=given.regions[0], config=RETRIES).get_caller_identity()
    partition = identity["Arn"].split(":")[1]
    places = [
        Place(region, f"{given.bucket_prefix}-{region}", identity["Account"], partition, given.organization_id)
        for region in given.regions
    ]
    print(f"Publishing to {len(places)} Region(s) in account {identity['Account']}")
    failed = publish_everywhere(places, codes)
    if failed:
        sys.exit(f"Failed in {', '.join(failed)}. Run the same command again: it skips what is done.")
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(template)
    print(f"\nWrote {given.output}, the StackSet template with these keys as defaults:")
    for code in codes:
        print(f"  {code.architecture:7} {code.key}")
    print("docs/stacksets.md describes the next steps.")


def publish_everywhere(places: list[Place], codes: list[Code]) -> list[str]:
    """Publishes to all Regions concurrently; returns those that failed."""
    failed = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        pending = {pool.submit(publish, place, codes): place for place in places}
        for number, finished in enumerate(as_completed(pending), 1):
            region = pending[finished].region
            try:
                outcome = ", ".join(finished.result()) or "already up to date"
            except (Refused, ClientError, BotoCoreError) as error:
                failed.append(region)
                outcome = f"FAILED: {error}"
            print(f"[{number}/{len(places)}] {region:15} {outcome}", flush=True)
    return sorted(failed)


if __name__ == "__main__":
    main()
