"""A proxy between the function and the local AWS that allows what the function's own role allows, as AWS would.

It identifies a caller by the process at the other end of the connection: the local AWS runs each function natively, with the
function's name in its environment, but with the same credentials. The role and its policies are those that the stack created.
"""

import contextlib
import functools
import json
import threading
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import boto3
from botocore.exceptions import ClientError
from loopback_server import Handler, loopback_server
from needed_permissions import Place, UnknownCall, needed_permissions
from policy_evaluation import NotSupported, condition_keys, refusal
from stack_resource import describe_stack_resource

OF_DOCUMENTS = ("aws:resourcetag/", "ssm:resourcetag/", "ssm:documenttype")
MAKING_A_CLIENT = threading.Lock()
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@dataclass(frozen=True)
class Role:
    """A deployed role: its name and the policies that it has."""

    name: str
    policies: list[dict[str, Any]]


@dataclass
class EnforcingProxy:
    """A running proxy, what it allowed and denied, and what it could not decide."""

    url: str
    used: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The actions that each role was allowed so far."""
    denied: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    """What could not be decided: each is a defect of the tests' tools, and fails them."""


class CallerUnknown(Exception):
    """A call that does not come from a function."""


@functools.cache
def _client(service: str, url: str, region: str) -> Any:
    return boto3.client(service, endpoint_url=url, region_name=region, **KEYS)


def client(service: str, url: str, region: str) -> Any:
    """A client of the local AWS; one thread at a time makes one, any may use it."""
    with MAKING_A_CLIENT:
        return _client(service, url, region)


def function_behind(port: int, proc: Path = Path("/proc")) -> str:
    """The name of the Lambda function whose process holds the loopback connection from this port."""
    wanted = f"0100007F:{port:04X}"
    rows = (line.split() for line in (proc / "net/tcp").read_text().splitlines()[1:])
    # An earlier connection from the same port may still be listed, with no socket (0) any more.
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted and row[9] != "0"}
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # a process that has ended or belongs to somebody else
            if any(target_of(descriptor) in sockets for descriptor in (process / "fd").iterdir()):
                for entry in (process / "environ").read_bytes().split(b"\0"):
                    if entry.startswith(b"AWS_LAMBDA_FUNCTION_NAME="):
                        return entry.partition(b"=")[2].decode()
    raise CallerUnknown(f"the connection from port {port} is no function's")


def target_of(descriptor: Path) -> str:
    """The target of a process's file descriptor; empty if it has been closed."""
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


@dataclass(frozen=True)
class DeployedRoles:
    """The functions and roles of the local AWS at a URL, which serves every Region."""

    url: str

    def of_function(self, function: str, region: str) -> Role:
        lambda_, iam = (client(service, self.url, region) for service in ("lambda", "iam"))
        name = lambda_.get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
        if "PermissionsBoundary" in iam.get_role(RoleName=name)["Role"]:
            raise NotSupported(f"the permissions boundary of {name}")
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        policies = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline]
        for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            policies.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
        return Role(name, policies)


def condition_keys_of_document(ssm: Any, name: str) -> dict[str, str]:
    """The condition keys that a document provides; none if it does not exist."""
    try:
        described = ssm.describe_document(Name=name)["Document"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidDocument":
            return {}
        raise
    tags = ssm.list_tags_for_resource(ResourceType="Document", ResourceId=described["Name"])["TagList"]
    keys = {f"{prefix}:resourcetag/{tag['Key']}": tag["Value"] for tag in tags for prefix in ("aws", "ssm")}
    return keys | {"ssm:documenttype": described["DocumentType"]}


@dataclass(frozen=True)
class Call:
    """A call as it came over the wire."""

    region: str
    service: str
    operation: str
    request: dict[str, Any]

    @classmethod
    def read(cls, headers: Any, body: bytes) -> "Call":
        """Region and service from the signature, the operation from where the service's protocol puts it."""
        region, service = headers["Authorization"].partition("Credential=")[2].split("/")[2:4]
        if target := headers.get("X-Amz-Target"):
            return cls(region, service, target.rpartition(".")[2], json.loads(body))
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
        return cls(region, service, form["Action"], form)

    def denial(self, why: str) -> tuple[int, str, bytes]:
        """Status, content type and body of AWS's response to a caller without the permission."""
        if self.service == "ssm":
            error = {"__type": "AccessDeniedException", "Message": why}
            return 400, "application/x-amz-json-1.1", json.dumps(error).encode()
        error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{escape(why)}</Message></Error>"
        return 403, "text/xml", f"<ErrorResponse>{error}<RequestId>denied-here</RequestId></ErrorResponse>".encode()


@contextlib.contextmanager
def enforcing_proxy(
    upstreams: dict[str, str], account: str, role_of: Callable[[str, str], Role]
) -> Iterator[EnforcingProxy]:
    """Passes calls on to the URL of their service until the end of the block; `role_of` gives the role of a Region's function."""

    def why_denied(call: Call, function: str) -> str | None:
        place, role = Place(account, call.region), role_of(function, call.region)
        caller = f"arn:{place.partition}:sts::{account}:assumed-role/{role.name}/{function}"
        ask_documents = any(key.startswith(OF_DOCUMENTS) for key in condition_keys(role.policies))
        ssm = client("ssm", upstreams["ssm"], call.region)
        for needed in needed_permissions(call.service, call.operation, call.request, place):
            keys = condition_keys_of_document(ssm, needed.document) if ask_documents and needed.document else {}
            if why := refusal(role.policies, needed, keys, caller, place):
                return why
            proxy.used[role.name].add(needed.action)
        return None

    class Enforcing(Handler):
        function: str | None = None

        def do_POST(self) -> None:
            body = self.body()
            call = Call.read(self.headers, body)
            try:
                self.function = self.function or function_behind(self.client_address[1])
                why = why_denied(call, self.function)
                if why:
                    proxy.denied.append(why)
            except (CallerUnknown, UnknownCall, NotSupported) as trouble:
                why = f"{call.service}:{call.operation} can't be decided: {trouble}"
                proxy.trouble.append(why)
            self.respond(*(call.denial(why) if why else self.response_to(call, body)))

        def response_to(self, call: Call, body: bytes) -> tuple[int, str, bytes]:
            upstream = upstreams[call.service]
            if (call.service, call.operation) == ("cloudformation", "DescribeStackResource"):
                return describe_stack_resource(client("cloudformation", upstream, call.region), call.request)
            return self.passed_on(upstream, body)

    with loopback_server(Enforcing) as url:
        proxy = EnforcingProxy(url)
        yield proxy
