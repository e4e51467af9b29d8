"""The events that EventBridge sends to the drift guard, complete and in the shape that AWS documents.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
"""

from datetime import UTC, datetime
from typing import Any

ACCOUNT = "111122223333"
ALICE = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLE",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAEXAMPLE",
    "userName": "alice",
}


def now() -> str:
    """The current time in the format of events."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moved(document: str, version: str, *, at: str, region: str, by: dict[str, Any] = ALICE) -> dict[str, Any]:
    """Somebody called UpdateDocumentDefaultVersion."""
    detail = {
        "eventVersion": "1.08",
        "userIdentity": by,
        "eventTime": at,
        "eventSource": "ssm.amazonaws.com",
        "eventName": "UpdateDocumentDefaultVersion",
        "awsRegion": region,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": {"name": document, "documentVersion": version},
        "responseElements": {"description": {"defaultVersion": version, "name": document}},
        "requestID": "0e2f0b3c-0000-4000-8000-000000000001",
        "eventID": "0e2f0b3c-0000-4000-8000-000000000002",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    return _event("aws.ssm", "AWS API Call via CloudTrail", at, region, [], detail)


def daily(*, at: str, region: str) -> dict[str, Any]:
    """The daily schedule."""
    rule = f"arn:aws:events:{region}:{ACCOUNT}:rule/cfn-ssm-document-DailyDriftCheck"
    return _event("aws.events", "Scheduled Event", at, region, [rule], {})


def _event(
    source: str, detail_type: str, at: str, region: str, resources: list[str], detail: dict[str, Any]
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": at,
        "region": region,
        "resources": resources,
        "detail": detail,
    }
