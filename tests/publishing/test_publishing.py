"""tools/publish.py against an emulated S3."""

import io
import json
import zipfile

import pytest
import release
from botocore.exceptions import ClientError
from emulated_aws import PREFIX, REGIONS, elf, key_of, publish

ORGANIZATION = "o-a1b2c3d4e5"


def test_each_region_gets_a_bucket_with_the_code_of_both_architectures(aws, binaries):
    run = publish(aws, binaries)
    assert run.returncode == 0, run.stderr
    for region in REGIONS:
        s3 = aws.client("s3", region)
        where = s3.get_bucket_location(Bucket=f"{PREFIX}-{region}")["LocationConstraint"] or "us-east-1"
        assert where == region
        for binary in binaries.values():
            body = s3.get_object(Bucket=f"{PREFIX}-{region}", Key=key_of(binary))["Body"].read()
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                assert archive.read("bootstrap") == binary.read_bytes()
                assert archive.getinfo("bootstrap").external_attr >> 16 == 0o100755, "Lambda could not execute it"


def test_the_template_it_writes_carries_the_keys(aws, binaries):
    publish(aws, binaries)
    written = (binaries["arm64"].parent / "stackset.yaml").read_text()
    assert f"Default: {key_of(binaries['arm64'])}" in written
    assert f"Default: {key_of(binaries['x86_64'])}" in written


@pytest.fixture
def bundle(binaries, tmp_path):
    """An unpacked release."""
    evidence = release.Evidence({}, {})
    files = release.bundle({architecture: path.read_bytes() for architecture, path in binaries.items()}, evidence)
    for name, content in files.items():
        (tmp_path / "bundle" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle" / name).write_bytes(content)
    return tmp_path / "bundle"


def test_a_release_is_published_as_it_is(aws, binaries, bundle):
    keys = [key_of(binary) for binary in binaries.values()]
    for binary in binaries.values():
        binary.unlink()
    run = publish(aws, binaries, f"--bundle={bundle}")
    assert run.returncode == 0, run.stderr
    for region in REGIONS:
        for key in keys:
            body = aws.client("s3", region).get_object(Bucket=f"{PREFIX}-{region}", Key=key)["Body"].read()
            assert body == (bundle / key).read_bytes()
    written = (binaries["arm64"].parent / "stackset.yaml").read_text()
    assert written == (bundle / "stackset.yaml").read_text()
    assert f"Default: {keys[0]}" in written


def test_a_damaged_release_is_refused_before_anything_is_written(aws, binaries, bundle):
    key = key_of(binaries["arm64"])
    (bundle / key).write_bytes(b"other code")
    run = publish(aws, binaries, f"--bundle={bundle}")
    assert run.returncode != 0
    assert f"damaged in {bundle}: {key}" in run.stderr
    (bundle / "code-keys.txt").unlink()
    run = publish(aws, binaries, f"--bundle={bundle}")
    assert run.returncode != 0
    assert "is not an unpacked release" in run.stderr
    assert aws.writes() == []


def test_a_second_run_writes_nothing(aws, binaries):
    publish(aws, binaries, f"--organization-id={ORGANIZATION}")
    before = aws.writes()
    run = publish(aws, binaries, f"--organization-id={ORGANIZATION}")
    assert before, "the first run must have written"
    assert aws.writes() == before
    assert run.stdout.count("already up to date") == len(REGIONS)


def test_a_run_goes_on_where_an_earlier_one_stopped(aws, binaries):
    publish(aws, binaries, regions=REGIONS[:1])
    aws.client("s3", REGIONS[0]).delete_object(Bucket=f"{PREFIX}-{REGIONS[0]}", Key=key_of(binaries["x86_64"]))
    before = len(aws.writes())
    run = publish(aws, binaries)
    assert run.returncode == 0, run.stderr
    first = [path for path in aws.writes()[before:] if f"{PREFIX}-{REGIONS[0]}" in path]
    assert first == [f"/{PREFIX}-{REGIONS[0]}/{key_of(binaries['x86_64'])}"]


def test_the_organization_may_read_the_code_and_others_statements_stay(aws, binaries):
    bucket = f"{PREFIX}-us-east-1"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    theirs = {
        "Sid": "Auditors",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}))
    publish(aws, binaries, f"--organization-id={ORGANIZATION}", regions=["us-east-1"])
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    allows = {statement["Sid"]: statement for statement in statements if statement["Effect"] == "Allow"}
    assert allows["Auditors"] == theirs
    reads = allows["CfnSsmDocumentOrganizationReads"]
    assert reads["Action"] == "s3:GetObject"
    assert reads["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": ORGANIZATION}


def test_without_an_organization_nobody_else_may_read(aws, binaries):
    publish(aws, binaries, f"--organization-id={ORGANIZATION}", regions=["us-east-1"])
    publish(aws, binaries, regions=["us-east-1"])
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        aws.client("s3").get_bucket_policy(Bucket=f"{PREFIX}-us-east-1")


def test_a_bucket_it_made_blocks_public_access(aws, binaries):
    publish(aws, binaries, regions=["us-east-1"])
    block = aws.client("s3").get_public_access_block(Bucket=f"{PREFIX}-us-east-1")["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}


def test_a_region_that_fails_does_not_stop_the_others(aws, binaries):
    closed = f"{PREFIX}-eu-central-1"
    s3 = aws.client("s3", "eu-central-1")
    s3.create_bucket(Bucket=closed, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{closed}/*"}
    s3.put_bucket_policy(Bucket=closed, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    run = publish(aws, binaries)
    assert run.returncode != 0
    assert run.stderr.startswith("Failed in eu-central-1. Run the same command again")
    assert f"/{PREFIX}-us-east-1/{key_of(binaries['arm64'])}" in aws.writes()


def test_a_binary_of_the_wrong_architecture_is_refused_before_anything_is_written(aws, binaries):
    binaries["x86_64"].write_bytes(elf(183))
    run = publish(aws, binaries)
    assert run.returncode != 0
    assert "not a binary for x86_64" in run.stderr
    assert aws.writes() == []


@pytest.mark.parametrize(
    "argument", ["--regions=us-east", "--bucket-prefix=Example_Provider", "--organization-id=123", "--binary=riscv=x"]
)
def test_bad_arguments_are_refused_by_name(aws, binaries, argument):
    run = publish(aws, binaries, argument)
    assert run.returncode == 2
    assert argument.partition("=")[0] in run.stderr
    assert aws.writes() == []
