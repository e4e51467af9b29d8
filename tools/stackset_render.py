"""Renders stackset/template.yaml, the template of the function for StackSets, from template.yaml.

Service-managed StackSets refuse templates with a Transform, so SAM's translator runs here. The code comes from one bucket
per Region, <BucketPrefix>-<Region>, under keys that tools/publish.py makes from the content.

    python tools/stackset_render.py            writes stackset/template.yaml
    python tools/stackset_render.py --check    fails when it is stale
"""

import argparse
import difflib
import sys
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_dump, yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "template.yaml"
RENDERED = ROOT / "stackset" / "template.yaml"
HEADER = """\
# Made by "make stackset" from template.yaml; edit that one. docs/stacksets.md says how to deploy it.
"""

CODE_KEYS = {"arm64": "CodeKeyArm64", "x86_64": "CodeKeyX8664"}
CODE_PARAMETERS = {
    "BucketPrefix": {
        "Description": "The function's code comes from the bucket <BucketPrefix>-<Region>",
        "Type": "String",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]$",
        "ConstraintDescription": "must be the beginning of a bucket's name",
    },
    **{
        parameter: {
            "Description": f"Key of the code for {architecture} in that bucket",
            "Type": "String",
            "AllowedPattern": "^cfn-ssm-document/[0-9a-f]{64}[.]zip$",
            "ConstraintDescription": "must be a key that publishing printed, cfn-ssm-document/<sha256>.zip",
        }
        for architecture, parameter in CODE_KEYS.items()
    },
}
# What makes sense only if sam build built the code. Runtime is removed as well: provided.al2 soon accepts no new functions.
SAM_PARAMETERS = {"Runtime", "BuiltArchitecture"}
SAM_RULES = {"ArchitectureIsTheOneThatWasBuilt"}


def render(template: str) -> str:
    """The StackSet template for a SAM template."""
    source = yaml_parse(template)
    ours = set(source["Resources"])
    take_code_from_buckets(source)
    # The translator needs a Region, but its result does not depend on which.
    session = boto3.session.Session(region_name="us-east-1")
    rendered = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=session).translate(source, {})
    rendered.pop("Transform", None)
    for name, resource in rendered["Resources"].items():
        drop_sams_marks(resource, made_by_sam=name not in ours)
    return HEADER + yaml_dump(rendered)


def take_code_from_buckets(template: dict) -> None:
    """Replaces what belongs to sam build and sam deploy with the buckets."""
    template["Metadata"].pop("AWS::ServerlessRepo::Application")
    parameters, rules = template["Parameters"], template["Rules"]
    for name in SAM_PARAMETERS:
        del parameters[name]
    for name in SAM_RULES:
        del rules[name]
    template["Parameters"] = CODE_PARAMETERS | parameters

    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    for group in interface["ParameterGroups"]:
        group["Parameters"] = [name for name in group["Parameters"] if name not in SAM_PARAMETERS]
    interface["ParameterGroups"].append({"Label": {"default": "The code"}, "Parameters": list(CODE_PARAMETERS)})
    for name in SAM_PARAMETERS:
        del interface["ParameterLabels"][name]
    interface["ParameterLabels"] |= {name: {"default": text} for name, text in code_labels().items()}

    template["Conditions"]["IsArm64"] = {"Fn::Equals": [{"Ref": "Architecture"}, "arm64"]}
    template["Parameters"]["Architecture"]["Description"] = "The function's. The buckets hold both."
    function = template["Resources"]["ProviderFunction"]["Properties"]
    function["Runtime"] = "provided.al2023"
    function["CodeUri"] = {
        "Bucket": {"Fn::Sub": "${BucketPrefix}-${AWS::Region}"},
        "Key": {"Fn::If": ["IsArm64", *({"Ref": parameter} for parameter in CODE_KEYS.values())]},
    }


def code_labels() -> dict[str, str]:
    keys = {parameter: f"Key of the code for {architecture}" for architecture, parameter in CODE_KEYS.items()}
    return {"BucketPrefix": "Bucket prefix"} | keys


def drop_sams_marks(resource: dict, *, made_by_sam: bool) -> None:
    """SAM tags what it made, keeps notes for its own commands, and copies the function's metadata to its companions."""
    if made_by_sam:
        del resource["Metadata"]
    resource.get("Metadata", {}).pop("BuildMethod", None)
    properties = resource["Properties"]
    if not properties.get("DestinationConfig", True):
        del properties["DestinationConfig"]
    if "Tags" in properties:
        properties["Tags"] = [tag for tag in properties["Tags"] if tag["Key"] != "lambda:createdBy"]


def with_code_keys(rendered: str, keys: dict[str, str]) -> str:
    """A rendered template with the keys of the code as defaults."""
    template = yaml_parse(rendered)
    for architecture, key in keys.items():
        template["Parameters"][CODE_KEYS[architecture]]["Default"] = key
    return HEADER + yaml_dump(template)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when stackset/template.yaml is stale, write nothing")
    check = parser.parse_args().check
    fresh = render(SOURCE.read_text())
    there = RENDERED.read_text() if RENDERED.exists() else ""
    if fresh == there:
        print(f"{RENDERED.relative_to(ROOT)} is up to date")
    elif check:
        sys.stdout.writelines(
            difflib.unified_diff(there.splitlines(True), fresh.splitlines(True), "committed", "rendered")
        )
        sys.exit(f"{RENDERED.relative_to(ROOT)} is stale: run make stackset and commit it")
    else:
        RENDERED.parent.mkdir(exist_ok=True)
        RENDERED.write_text(fresh)
        print(f"wrote {RENDERED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
