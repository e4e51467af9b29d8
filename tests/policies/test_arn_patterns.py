"""Patterns of a policy beside the ARNs of resource types."""

import pytest
from arn_patterns import can_name
from cloudformation import NAME, UNKNOWN

DOCUMENT = "arn:${Partition}:ssm:${Region}:${Account}:document/${DocumentName}"
BUCKET = "arn:${Partition}:s3:::${BucketName}"
OBJECT = "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
STREAM = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}:log-stream:${LogStreamName}"


@pytest.mark.parametrize(
    ("resource", "arn", "meet"),
    [
        ("*", DOCUMENT, True),
        ("arn:aws:ssm:*:*:document/*", DOCUMENT, True),
        ("arn:aws:ssm:eu-west-1:111122223333:document/a", DOCUMENT, True),
        (f"arn:{UNKNOWN}:ssm:{UNKNOWN}:{UNKNOWN}:{UNKNOWN}", DOCUMENT, True),
        ("arn:aws:ssm:*:*:doc?ment/a", DOCUMENT, True),
        ("arn:aws:ssm:*:*:automation-definition/a:$DEFAULT", DOCUMENT, False),
        ("arn:aws:ssm:*:*:documents/a", DOCUMENT, False),
        (f"arn:aws:{UNKNOWN}", DOCUMENT, False),
        (f"arn:aws:s3:::{NAME}", BUCKET, True),
        (f"arn:aws:s3:::{NAME}", OBJECT, False),
        (f"arn:aws:s3:::{NAME}/*", BUCKET, False),
        (f"arn:aws:s3:::{NAME}/*", OBJECT, True),
        ("arn:aws:s3:::bucket/a:b", OBJECT, True),
        ("arn:aws:logs:*:*:log-group:/a/b:*", STREAM, True),
        ("arn:aws:logs:*:*:log-group:/a/b", STREAM, False),
        ("", DOCUMENT, False),
    ],
)
def test_a_resource_can_name_a_type(resource: str, arn: str, meet: bool) -> None:
    assert can_name(resource, arn) == meet
