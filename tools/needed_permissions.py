"""Which IAM actions a call of the function needs, on which resource: what AWS's service authorization reference says.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HOST_MANAGEMENT = "/ssm/managed-instance/default-ec2-instance-management-role"


class UnknownCall(Exception):
    """A call that this module has no entry for."""


@dataclass(frozen=True)
class Place:
    """Where a call is made."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        return f"arn:{self.partition}:{service}:{self.region if region else ''}:{self.account}:{resource}"


@dataclass(frozen=True)
class Permission:
    """One action on one resource, which the caller's policies must allow."""

    action: str
    resource: str
    request_keys: dict[str, Any] = field(default_factory=dict)
    """The condition keys that the request provides, in lower case, with their values."""
    document: str | None = None
    """The document whose tags and type are also condition keys, if it exists."""

    def knows(self, key: str) -> bool:
        """Whether a condition on this key can have a value here; AWS would know it for this action."""
        key = key.lower()
        of_a_document = self.document and key.startswith(("aws:resourcetag/", "ssm:resourcetag/", "ssm:documenttype"))
        of_tags = "aws:tagkeys" in self.request_keys and key.startswith(("aws:requesttag/", "aws:tagkeys"))
        return bool(of_a_document or of_tags or key in self.request_keys)


def needed_permissions(service: str, operation: str, request: dict[str, Any], place: Place) -> list[Permission]:
    """All of them must be allowed, or the call is denied. Raises `UnknownCall`."""
    entry = _CALLS.get((service, operation))
    if entry is None:
        raise UnknownCall(f"{service}:{operation} is not in tools/needed_permissions.py")
    return entry(f"{service}:{operation}", request, place)


def _document_arn(name: str, place: Place) -> str:
    return name if name.startswith("arn:") else place.arn("ssm", f"document/{name}")


def _document(action: str, request: dict[str, Any], place: Place) -> list[Permission]:
    name = request["Name"]
    return [Permission(action, _document_arn(name, place), document=name)]


def _create_document(action: str, request: dict[str, Any], place: Place) -> list[Permission]:
    resource = _document_arn(request["Name"], place)
    tags = _tag_keys(request.get("Tags", []))
    create = Permission(action, resource, {"ssm:documenttype": request.get("DocumentType", "Command")} | tags)
    return [create, Permission("ssm:AddTagsToResource", resource, tags)] if request.get("Tags") else [create]


def _tags(action: str, request: dict[str, Any], place: Place) -> list[Permission]:
    if request["ResourceType"] != "Document":
        raise UnknownCall(f"{action} of a {request['ResourceType']} is not in tools/needed_permissions.py")
    name = request["ResourceId"]
    removed = {"aws:tagkeys": request["TagKeys"]} if "TagKeys" in request else {}
    keys = _tag_keys(request["Tags"]) if "Tags" in request else removed
    return [Permission(action, _document_arn(name, place), keys, document=name)]


def _tag_keys(tags: list[dict[str, str]]) -> dict[str, Any]:
    of_request = {f"aws:requesttag/{tag['Key']}".lower(): tag["Value"] for tag in tags}
    return {"aws:tagkeys": [tag["Key"] for tag in tags] or None} | of_request


def _setting(action: str, request: dict[str, Any], place: Place) -> list[Permission]:
    setting = request["SettingId"]
    arn = setting if setting.startswith("arn:") else place.arn("ssm", f"servicesetting{setting}")
    needed = [Permission(action, arn)]
    if action == "ssm:UpdateServiceSetting" and setting.endswith(HOST_MANAGEMENT):
        # "to pass a role to Systems Manager": https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html
        role = place.arn("iam", f"role/{request['SettingValue']}", region=False)
        needed.append(Permission("iam:PassRole", role, {"iam:passedtoservice": "ssm.amazonaws.com"}))
    return needed


def _stack(action: str, request: dict[str, Any], place: Place) -> list[Permission]:
    stack = request["StackName"]
    return [Permission(action, stack if stack.startswith("arn:") else place.arn("cloudformation", f"stack/{stack}/*"))]


_CALLS: dict[tuple[str, str], Callable[[str, dict[str, Any], Place], list[Permission]]] = {
    ("ssm", "CreateDocument"): _create_document,
    ("ssm", "UpdateDocument"): _document,
    ("ssm", "UpdateDocumentDefaultVersion"): _document,
    ("ssm", "DeleteDocument"): _document,
    ("ssm", "DescribeDocument"): _document,
    ("ssm", "GetDocument"): _document,
    ("ssm", "ListDocumentVersions"): _document,
    ("ssm", "DescribeDocumentPermission"): _document,
    ("ssm", "ModifyDocumentPermission"): _document,
    ("ssm", "ListDocuments"): lambda action, _request, _place: [Permission(action, "*")],
    ("ssm", "AddTagsToResource"): _tags,
    ("ssm", "RemoveTagsFromResource"): _tags,
    ("ssm", "ListTagsForResource"): _tags,
    ("ssm", "GetServiceSetting"): _setting,
    ("ssm", "UpdateServiceSetting"): _setting,
    ("ssm", "ResetServiceSetting"): _setting,
    ("cloudformation", "DescribeStackResource"): _stack,
    ("cloudformation", "DescribeStackResources"): _stack,
    ("cloudformation", "DescribeStacks"): _stack,
}
