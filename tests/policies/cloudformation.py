"""The policies in a CloudFormation template, with its intrinsic functions resolved as far as an ARN's resource type needs.

What only a deployment knows becomes a wildcard: `UNKNOWN` for text without a colon, such as a path or an account, `NAME` for one
without a slash, too, and `*` where a whole ARN may stand. Every branch of `Fn::If` counts.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from service_authorization import resource_type

UNKNOWN = "\0"
NAME = "\1"
ANYTHING = "*"
# What `!Ref` gives for these is an ARN, not a name.
REF_IS_AN_ARN = {"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::SecretsManager::Secret"}
TYPES_OF_OTHERS = {
    "AWS::Serverless::Function": ("lambda", "function"),
    "AWS::RDS::DBInstance": ("rds", "db"),
    "Custom::SsmDocument": ("ssm", "document"),
    "Custom::SsmServiceSetting": ("ssm", "servicesetting"),
}
TRUST = "AssumeRolePolicyDocument"


class NotResolved(Exception):
    """The template uses something that this module does not know; the text says what to teach it."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; the texts may hold wildcards."""

    where: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    """Operator and key of each condition."""


@dataclass(frozen=True)
class Policies:
    """All that one resource of the template allows and denies: a role's inline policies, a managed policy, a key's policy."""

    holder: str
    statements: tuple[Statement, ...]
    is_trust: bool


def _construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


class _Loader(yaml.SafeLoader):
    """Reads the short forms, such as `!Sub`, too."""


_Loader.add_multi_constructor("!", _construct)
# A date such as a policy's version is text.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> dict[str, Any]:
    """A template's text as a mapping in which every intrinsic function has its long form."""
    return yaml.load(text, Loader=_Loader)


def policies_in(template: dict[str, Any], where: str) -> list[Policies]:
    """Every policy of every resource, those of a holder together; a trust policy by itself."""
    found = []
    for logical_id, resource in template.get("Resources", {}).items():
        documents = list(_documents(resource.get("Properties", {}), ()))
        for is_trust in (False, True):
            statements = [
                statement
                for path, document in documents
                if (path[-1] == TRUST) == is_trust
                for statement in _statements(document, template, f"{where}: {logical_id} ({_readable(path)})")
            ]
            if statements:
                found.append(Policies(f"{where}: {logical_id}", tuple(statements), is_trust))
    return found


def policies_of_file(path: Path, where: str) -> list[Policies]:
    return policies_in(parse(path.read_text()), where)


def policies_of_document(document: dict[str, Any], where: str) -> Policies:
    """A policy as JSON, without intrinsic functions."""
    return Policies(where, tuple(_statements(document, {}, where)), is_trust=False)


def _documents(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if isinstance(value, dict):
        if "Statement" in value:
            yield path, value
            return
        name = value.get("PolicyName")
        for key, inner in value.items():
            yield from _documents(inner, (*path, name, key) if isinstance(name, str) else (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _documents(inner, path)


def _readable(path: tuple[str, ...]) -> str:
    return " ".join(part for part in path if part not in ("Policies", "PolicyDocument", "Properties")) or "policy"


def _statements(document: dict[str, Any], template: dict[str, Any], where: str) -> Iterator[Statement]:
    for number, raw in enumerate(_alternatives(document["Statement"]), start=1):
        label = raw.get("Sid", f"statement {number}")
        for unsupported in ("NotAction", "NotResource"):
            if unsupported in raw:
                raise NotResolved(f"{where}, {label}: {unsupported} is not checked; name what is allowed or denied")
        conditions = [
            (operator, key)
            for block in _alternatives(raw.get("Condition", {}))
            for operator in block
            for key in block[operator]
        ]
        yield Statement(
            where=f"{where}, {label}",
            allows=raw["Effect"] == "Allow",
            actions=tuple(texts(raw["Action"], template)),
            resources=tuple(texts(raw.get("Resource", []), template)),
            conditions=tuple(conditions),
        )


def _alternatives(value: Any) -> Iterator[dict[str, Any]]:
    """The mappings in a list, or the one mapping, with both branches of every `Fn::If`."""
    if isinstance(value, list):
        for inner in value:
            yield from _alternatives(inner)
    elif "Fn::If" in value:
        yield from _alternatives(value["Fn::If"][1:])
    elif value != {"Ref": "AWS::NoValue"}:
        yield value


def texts(value: Any, template: dict[str, Any]) -> list[str]:
    """All texts that a value may have, each with wildcards for what is unknown."""
    if isinstance(value, str):
        # A policy variable, such as ${aws:userid}.
        return [re.sub(r"\$\{[^}]*\}", UNKNOWN, value)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner, template)]
    if not isinstance(value, dict) or len(value) != 1:
        raise NotResolved(f"{value!r} is no text and no intrinsic function")
    ((function, argument),) = value.items()
    match function:
        case "Ref":
            return _ref(argument, template)
        case "Fn::GetAtt":
            return [_get_att(*argument, template)]
        case "Fn::If":
            return texts(argument[1:], template)
        case "Fn::Sub":
            return _sub(argument, template)
        case "Fn::Join":
            separator, parts = argument
            if not isinstance(parts, list):
                return [ANYTHING]
            return [separator.join(chosen) for chosen in itertools.product(*(texts(part, template) for part in parts))]
        case "Fn::ImportValue" | "Fn::FindInMap" | "Fn::Select" | "Fn::Split":
            return [ANYTHING]
    raise NotResolved(f"{function} is not known to tests/policies/cloudformation.py")


def _ref(name: str, template: dict[str, Any]) -> list[str]:
    if name == "AWS::NoValue":
        return []
    if name.startswith("AWS::"):
        return [UNKNOWN]
    if name in template.get("Parameters", {}):
        return [ANYTHING]
    resource = template.get("Resources", {}).get(name)
    if resource is None:
        raise NotResolved(f"{name} is neither a parameter nor a resource")
    return [_arn(resource["Type"]) if resource["Type"] in REF_IS_AN_ARN else UNKNOWN]


def _get_att(name: str, attribute: str, template: dict[str, Any]) -> str:
    if not attribute.endswith("Arn"):
        return UNKNOWN
    return _arn(template["Resources"][name]["Type"])


def _arn(cloudformation_type: str) -> str:
    service, name = TYPES_OF_OTHERS.get(cloudformation_type) or tuple(cloudformation_type.lower().split("::")[1:])
    found = resource_type(service, name)
    if found is None:
        raise NotResolved(f"What is the ARN of {cloudformation_type}? Teach tests/policies/cloudformation.py")
    arn = re.sub(r"\$\{[^}]*\}", UNKNOWN, found.arn.replace("${BucketName}", NAME))
    return f"{arn}:*" if cloudformation_type == "AWS::Logs::LogGroup" else arn


def _sub(argument: Any, template: dict[str, Any]) -> list[str]:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    parts: list[list[str]] = []
    for literal, variable in re.findall(r"([^$]+|\$(?!\{))|\$\{([^}]*)\}", text):
        if literal:
            parts.append([literal])
        elif variable.startswith("!"):
            parts.append([UNKNOWN])
        elif variable in given:
            parts.append(texts(given[variable], template))
        elif "." in variable:
            parts.append([_get_att(*variable.split(".", 1), template)])
        else:
            values = _ref(variable, template)
            # Behind other text a parameter is a part of an ARN, not a whole one.
            parts.append([UNKNOWN if value == ANYTHING and parts else value for value in values])
    return ["".join(chosen) for chosen in itertools.product(*parts)]
