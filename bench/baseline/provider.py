"""What the function is measured against: a custom resource for SSM documents as one writes it in Python.

The work is a handful of boto3 calls; the response goes out as `cfnresponse` sends it, by urllib3. It runs under the runtime
client that Lambda's own Python runtimes use. It keeps none of the function's promises (ownership, verification, undoing,
deadlines), so that it is not slowed down by what nobody would have written.
"""

import json

import boto3
import urllib3

ssm = boto3.client("ssm")
http = urllib3.PoolManager()


def put_document(properties):
    """Create the document or, if it exists, create a version and promote it."""
    name, content = properties["DocumentName"], properties["DocumentContent"]
    try:
        ssm.create_document(Name=name, Content=content, DocumentType=properties["DocumentType"], DocumentFormat="JSON")
        return
    except ssm.exceptions.DocumentAlreadyExists:
        pass
    update_document(name, content)


def update_document(name, content):
    """Create a version and promote it, unless the latest version has the content."""
    try:
        made = ssm.update_document(Name=name, Content=content, DocumentVersion="$LATEST", DocumentFormat="JSON")
    except ssm.exceptions.DuplicateDocumentContent:
        return
    ssm.update_document_default_version(Name=name, DocumentVersion=made["DocumentDescription"]["DocumentVersion"])


def respond(event, context, status, reason=None):
    """Send the response as cfnresponse does."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason or f"See the details in CloudWatch Log Stream: {context.log_stream_name}",
            "PhysicalResourceId": event["ResourceProperties"]["DocumentName"],
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": False,
            "Data": {},
        }
    )
    headers = {"content-type": "", "content-length": str(len(body))}
    http.request("PUT", event["ResponseURL"], headers=headers, body=body)


def handler(event, context):
    """Carry out one request."""
    try:
        properties = event["ResourceProperties"]
        if event["RequestType"] == "Create":
            put_document(properties)
        elif event["RequestType"] == "Update":
            update_document(properties["DocumentName"], properties["DocumentContent"])
        else:
            ssm.delete_document(Name=event["PhysicalResourceId"])
        respond(event, context, "SUCCESS")
    except Exception as error:  # noqa: BLE001 (whatever it is, CloudFormation has to hear of it)
        respond(event, context, "FAILED", str(error))
