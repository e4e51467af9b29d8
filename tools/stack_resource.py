"""CloudFormation's DescribeStackResource, reconstructed from the events of a stack.

ministack gives a resource its new status when its request is done; AWS gives it when the request begins, and the function asks
during the request whether CloudFormation is still waiting for the response. ministack's events say when each request began, so
the reply is made from them. They call the creation of a resource in an existing stack an update.
"""

from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def describe_stack_resource(cloudformation: Any, request: dict[str, Any]) -> tuple[int, str, bytes]:
    """Status, content type and body of the response, as AWS gives it."""
    stack, logical_id = request["StackName"], request["LogicalResourceId"]
    try:
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"]]
    except ClientError:
        return _refused(f"Stack '{stack}' does not exist")
    of_resource = [event for event in events if event["LogicalResourceId"] == logical_id]
    if not of_resource:
        return _refused(f"Resource {logical_id} does not exist for stack {events[0]['StackName']}")
    latest = max(reversed(of_resource), key=lambda event: event["Timestamp"])
    is_new = all(event["ResourceStatus"] == "UPDATE_IN_PROGRESS" for event in of_resource)
    return _described(latest | {"ResourceStatus": "CREATE_IN_PROGRESS"} if is_new else latest)


def _described(event: dict[str, Any]) -> tuple[int, str, bytes]:
    detail = {
        name: event[name]
        for name in (
            "StackName",
            "StackId",
            "LogicalResourceId",
            "PhysicalResourceId",
            "ResourceType",
            "ResourceStatus",
        )
        if event.get(name)
    }
    detail["LastUpdatedTimestamp"] = event["Timestamp"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in detail.items())
    result = f"<DescribeStackResourceResult><StackResourceDetail>{fields}</StackResourceDetail></DescribeStackResourceResult>"
    return (
        200,
        "text/xml",
        f'<DescribeStackResourceResponse xmlns="{NAMESPACE}">{result}</DescribeStackResourceResponse>'.encode(),
    )


def _refused(message: str) -> tuple[int, str, bytes]:
    error = f"<Error><Type>Sender</Type><Code>ValidationError</Code><Message>{escape(message)}</Message></Error>"
    return 400, "text/xml", f'<ErrorResponse xmlns="{NAMESPACE}">{error}</ErrorResponse>'.encode()
