"""The provider as a StackSet deploys it: its template, and its code where the template looks for it."""

import json

from architectures import release_binary
from function_zip import code_key, function_zip
from local_aws import ROOT
from samcli.yamlhelper import yaml_parse
from stacks import HOST_ARCHITECTURE, Stacks

BINARY = release_binary(HOST_ARCHITECTURE)
# Where the tests keep the id of a machine image, which AWS publishes as a parameter of its own.
IMAGE = "/images/amazon-linux"


def publish_code(stacks: Stacks, region: str) -> dict[str, str]:
    """Puts this machine's binary where the StackSet template looks for it; returns the template's parameters."""
    key = code_key(BINARY.read_bytes())
    s3 = stacks.client("s3")
    # us-east-1 is the one Region that may not be named here.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=f"example-provider-{region}", **where)
    s3.put_object(Bucket=f"example-provider-{region}", Key=key, Body=function_zip(BINARY.read_bytes()))
    return {
        "BucketPrefix": "example-provider",
        "CodeKeyArm64": key,
        "CodeKeyX8664": key,
        "Architecture": HOST_ARCHITECTURE,
    }


def stackset_template() -> str:
    """The StackSet template, with one change for the local AWS.

    On Lambda, the function's role session has the function's name, by which the function recognizes its own changes of a
    setting. The local Systems Manager attributes every change to a session with this name.
    """
    template = yaml_parse((ROOT / "stackset/template.yaml").read_text())
    template["Resources"]["ProviderFunction"]["Properties"]["FunctionName"] = "cfn-ssm-document"
    return json.dumps(template)
