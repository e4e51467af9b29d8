"""Rules for cfn-lint that check Custom::SsmDocument and Custom::SsmServiceSetting in templates before they are deployed.

    cfn-lint --append-rules schema/cfn-lint template.yaml

| rule  | finds |
|-------|-------|
| E9501 | a property of Custom::SsmDocument that is unknown, missing or has a wrong value |
| E9502 | content of a Session document that the provider refuses |
| W9503 | content of a Session document that locks users out, loses logs or is misspelt |
| W9504 | a resource without ServiceTimeout |
| E9505 | a property of Custom::SsmServiceSetting that is unknown, missing or has a wrong value |

A value behind an intrinsic function is checked as far as cfn-lint resolves it. Made for cfn-lint 1.58; it needs
../session-document.schema.json.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cfnlint.helpers import is_function
from cfnlint.jsonschema import ValidationError, Validator
from cfnlint.jsonschema._keywords_cfn import cfn_type
from cfnlint.rules.jsonschema import CfnLintJsonSchema

SESSION_SCHEMA = json.loads((Path(__file__).parent.parent / "session-document.schema.json").read_text(encoding="utf-8"))
# cfn-lint would look its definitions up under the address.
del SESSION_SCHEMA["$id"]

# What a resource with ContentMode Merge names of a document: preferences, and what must equal what is there.
MERGED_SCHEMA = {
    "$defs": SESSION_SCHEMA["$defs"],
    "type": "object",
    "required": ["inputs"],
    "additionalProperties": False,
    "properties": {name: SESSION_SCHEMA["properties"][name] for name in ("schemaVersion", "sessionType", "inputs")},
}
# What two owners of one document would fight over.
NOT_WITH_MERGE = ("Tags", "AccountIds", "VersionName", "DisplayName", "TargetType", "Attachments", "Requires")

PREFERENCES = "SSM-SessionManagerRunShell"
MAX_BYTES = 64 * 1024
DOCUMENT = "Custom::SsmDocument"
SERVICE_SETTING = "Custom::SsmServiceSetting"

# Properties that a later version of the provider takes. Take a name out of here when the provider takes it.
NOT_YET: tuple[str, ...] = ()

TEXT = {"type": "string"}
BOOLEAN = {"type": "string", "pattern": "^(true|false)$"}


def choice(*values: str) -> dict:
    return {"type": "string", "enum": list(values)}


def one_of(name: str, older: str) -> dict:
    return {"requiredXor": [name, older]}


DOCUMENT_NAME = {
    "type": "string",
    "pattern": r"^[a-zA-Z0-9_\-.]{3,128}$",
    "not": {"pattern": r"^(aws|amazon|amzn|AWSEC2|AWSConfigRemediation|AWSSupport)"},
}
CONTENT = {"type": ["string", "object"], "minLength": 1}
TAG_KEY = {"type": "string", "pattern": r"^(?!(?i:aws:))(?!cfn-ssm-document:)[\s\S]{1,128}$"}
TAG_VALUE = {"type": "string", "maxLength": 256}
LIST_ITEM = {"type": "object", "additionalProperties": False}
DOCUMENT_PROPERTIES = {
    "DocumentName": DOCUMENT_NAME,
    "Name": DOCUMENT_NAME,
    "DocumentContent": CONTENT,
    "Content": CONTENT,
    "ContentMode": choice("Replace", "Merge"),
    "DocumentType": choice(
        *("Session", "Command", "Policy", "Automation", "Package", "ApplicationConfiguration"),
        *("ApplicationConfigurationSchema", "DeploymentStrategy", "ChangeCalendar", "Automation.ChangeTemplate"),
        *("ProblemAnalysis", "ProblemAnalysisTemplate", "CloudFormation", "ConformancePackTemplate", "QuickSetup"),
        *("ManualApprovalPolicy", "AutoApprovalPolicy"),
    ),
    "DocumentFormat": choice("", "JSON", "YAML", "TEXT"),
    "SetDefaultVersion": BOOLEAN,
    "OnExisting": choice("Adopt", "TakeOver", "Fail"),
    "OnDelete": choice("Retain", "Restore"),
    "VersionName": {"type": "string", "pattern": r"^[a-zA-Z0-9_\-.]{0,128}$"},
    "DisplayName": {"type": "string", "maxLength": 1024},
    "TargetType": {"type": "string", "pattern": r"^(/[\w.\-:/]{0,199})?$"},
    "Requires": {
        "type": "array",
        "items": LIST_ITEM
        | {
            "required": ["Name"],
            "properties": {"Name": TEXT, "Version": TEXT, "RequireType": TEXT, "VersionName": TEXT},
        },
    },
    "Attachments": {
        "type": "array",
        "maxItems": 20,
        "items": LIST_ITEM
        | {
            "required": ["Key", "Values"],
            "properties": {
                "Key": choice("SourceUrl", "S3FileUrl", "AttachmentReference"),
                "Values": {"type": ["array", "string"], "minItems": 1, "items": TEXT},
                "Name": TEXT,
            },
        },
    },
    "Tags": {
        "type": ["array", "object"],
        "maxItems": 47,
        "items": LIST_ITEM | {"required": ["Key", "Value"], "properties": {"Key": TAG_KEY, "Value": TAG_VALUE}},
    },
    "AccountIds": {
        "type": ["array", "string"],
        "maxItems": 1000,
        "items": {"type": "string", "pattern": r"^([0-9]{12}|(?i:all))$"},
    },
    "Trigger": TEXT,
    "UpdateMethod": TEXT,
}
OF_CLOUDFORMATION = {"ServiceToken": {}, "ServiceTimeout": {}}
DOCUMENT_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": OF_CLOUDFORMATION
    | {name: schema for name, schema in DOCUMENT_PROPERTIES.items() if name not in NOT_YET},
    "allOf": [one_of("DocumentName", "Name"), one_of("DocumentContent", "Content")],
}
SERVICE_SETTING_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["SettingId", "SettingValue"],
    "properties": OF_CLOUDFORMATION
    | {
        "SettingId": {
            "type": "string",
            "pattern": r"^(arn:[a-z-]+:ssm:[a-z0-9-]*:[0-9]*:servicesetting)?/[a-zA-Z0-9/\-_.]{1,199}$",
        },
        "SettingValue": {"type": "string", "minLength": 1, "maxLength": 4096},
        "OnDelete": choice("Retain", "Restore", "Reset"),
    },
}


class SsmDocumentProperties(CfnLintJsonSchema):
    id = "E9501"
    shortdesc = "Properties of Custom::SsmDocument"
    description = "The provider takes these properties"
    tags = ("resources", "ssm")

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{DOCUMENT}/Properties"])

    def validate(self, validator: Validator, _: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
        yield from checked(self, validator, DOCUMENT_SCHEMA, as_sent(instance))
        if instance.get("ContentMode") == "Merge":
            for name in NOT_WITH_MERGE:
                if name in instance:
                    text = f"{name} can't be given with ContentMode Merge: it belongs to the whole document"
                    yield ValidationError(text, path=deque([name]), rule=self)
        kind = instance.get("DocumentType", "Session")
        if not isinstance(kind, str) or kind == "Session":
            return
        for name, content, path in contents(instance):
            if isinstance(content, dict) and is_function(content)[0] is None:
                yield ValidationError(
                    f"{name} must be a string in a document of type {kind}: CloudFormation makes a string of every "
                    "scalar in a mapping, and only for Session documents the provider can undo that",
                    path=path,
                    rule=self,
                )


class SsmServiceSettingProperties(CfnLintJsonSchema):
    id = "E9505"
    shortdesc = "Properties of Custom::SsmServiceSetting"
    description = "The provider takes these properties"
    tags = ("resources", "ssm")

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{SERVICE_SETTING}/Properties"])

    def validate(self, validator: Validator, _: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
        yield from checked(self, validator, SERVICE_SETTING_SCHEMA, as_sent(instance))


class ServiceTimeout(CfnLintJsonSchema):
    id = "W9504"
    shortdesc = "ServiceTimeout is missing"
    description = "Without ServiceTimeout CloudFormation waits an hour for a response that does not come"
    tags = ("resources", "ssm")

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{DOCUMENT}/Properties", f"Resources/{SERVICE_SETTING}/Properties"])

    def validate(self, _: Validator, __: Any, instance: Any, ___: Any) -> Iterator[ValidationError]:
        if "ServiceTimeout" not in instance and is_function(instance)[0] is None:
            yield ValidationError(f"{self.description}. Set it to 900", rule=self)


class SessionContentRefused(CfnLintJsonSchema):
    id = "E9502"
    shortdesc = "Content of a Session document is invalid"
    description = "The provider refuses this content"
    tags = ("resources", "ssm")

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{DOCUMENT}/Properties"])

    def validate(self, validator: Validator, _: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
        yield from (found.error for found in session_findings(self, validator, instance) if found.refused)


class SessionContentDoubtful(CfnLintJsonSchema):
    id = "W9503"
    shortdesc = "Content of a Session document is doubtful"
    description = "The provider takes this content with a warning"
    tags = ("resources", "ssm")

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{DOCUMENT}/Properties"])

    def validate(self, validator: Validator, _: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
        yield from (found.error for found in session_findings(self, validator, instance) if not found.refused)


@dataclass(frozen=True)
class Finding:
    """Something in a content, and whether the provider refuses the content for it or only warns."""

    error: ValidationError
    refused: bool


def checked(
    rule: Any, validator: Validator, schema: dict, instance: Any, *, functions: bool = True
) -> Iterator[ValidationError]:
    """What a schema finds in an instance, intrinsic functions resolved where cfn-lint can."""
    context = validator.context.evolve(strict_types=True, **({} if functions else {"functions": []}))
    plain = validator.evolve(
        function_filter=validator.function_filter.evolve(validate_dynamic_references=False, add_cfn_lint_keyword=False)
    )
    extended = rule.extend_validator(plain, schema, context, validators={"type": cfn_type})
    for error in extended.iter_errors(instance):
        error = rule._clean_error(error)
        # cfn-lint itself says what is wrong with an intrinsic function.
        if error.rule is not None and not getattr(error, "unknown", False):
            yield error


def as_sent(node: Any, key: str = "") -> Any:
    """Properties as CloudFormation sends them, every scalar a string; and as the provider reads the content of a Session
    document, in which the booleans are booleans again. Intrinsic functions stay."""
    function, arguments = is_function(node)
    if function == "Fn::If" and isinstance(arguments, list) and len(arguments) == 3:
        condition, *branches = arguments
        return {function: [condition, *(as_sent(branch, key) for branch in branches)]}
    if function or node is None:
        return node
    if isinstance(node, dict):
        return {name: as_sent(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [as_sent(item) for item in node]
    text = str(node).lower() if isinstance(node, bool) else str(node)
    if key in BOOLEANS and text in ("true", "false"):
        return text == "true"
    return text


BOOLEANS = {
    *("s3EncryptionEnabled", "cloudWatchEncryptionEnabled", "cloudWatchStreamingEnabled"),
    *("runAsEnabled", "runAsElevated"),
}


def contents(properties: dict) -> Iterator[tuple[str, Any, deque]]:
    """The document's content by every branch of Fn::If, with the property's name and the path."""

    def branches(node: Any, path: list) -> Iterator[tuple[Any, list]]:
        function, arguments = is_function(node)
        if function == "Fn::If" and isinstance(arguments, list) and len(arguments) == 3:
            for index in (1, 2):
                yield from branches(arguments[index], [*path, function, index])
        else:
            yield node, path

    for name in ("DocumentContent", "Content"):
        if name in properties:
            for node, path in branches(properties[name], [name]):
                yield name, node, deque(path)


def session_findings(rule: Any, validator: Validator, properties: dict) -> Iterator[Finding]:
    """What is wrong with, or doubtful in, the content of a Session document."""
    if properties.get("DocumentType", "Session") != "Session":
        return
    is_text = properties.get("DocumentFormat") == "TEXT"
    is_merged = properties.get("ContentMode") == "Merge"
    for name, content, path in contents(properties):

        def finding(text: str, inner: list, refused: bool, path: deque = path, name: str = name) -> Finding:
            where = ".".join(map(str, [name, *inner]))
            return Finding(ValidationError(f"{where}: {text}", path=path + deque(inner), rule=rule), refused)

        if is_text:
            yield finding("a Session document is JSON or YAML, not TEXT", [], True)
            continue
        if (parsed := read(content, properties.get("DocumentFormat"))) is None:
            continue
        if isinstance(parsed, Unreadable):
            yield finding(parsed.why, [], True)
            continue
        is_mapping = not isinstance(content, str) and is_function(content)[0] is None
        schema = MERGED_SCHEMA if is_merged else SESSION_SCHEMA
        for error in checked(rule, validator, schema, parsed, functions=is_mapping):
            inner = list(error.path)
            refused = is_refused(error) or (is_merged and len(inner) == 1)
            error.message = f"{'.'.join(map(str, [name, *inner]))}: {said(error)}"
            error.path = path + error.path if is_mapping else path.copy()
            error.context = []
            yield Finding(error, refused)
        # Of a merged document only a part is seen here.
        for text, inner, refused in () if is_merged else beyond_the_schema(parsed, properties):
            yield finding(text, inner if is_mapping else [], refused)


def is_refused(error: ValidationError) -> bool:
    """Whether the provider refuses what the schema does: it only warns of unknown keys and of most quoted booleans."""
    if error.validator == "additionalProperties":
        return False
    quoted = error.instance in ("true", "false") and error.path and error.path[-1] in BOOLEANS
    return not (quoted and error.path[-1] != "cloudWatchStreamingEnabled")


def said(error: ValidationError) -> str:
    """The schema's finding in words."""
    key = error.path[-1] if error.path else ""
    if error.validator == "anyOf" and key in BOOLEANS:
        return "must be true or false without quotes, or a reference such as {{ parameter }}"
    if error.validator == "anyOf":
        return "names no platform: it needs one of linux, windows, macOS"
    if error.validator == "pattern":
        schema = error.schema if isinstance(error.schema, dict) else {}
        return schema.get("description", "has a value that is not allowed")
    return error.message


@dataclass(frozen=True)
class Unreadable:
    """Why a content can't be read."""

    why: str


def read(content: Any, document_format: Any) -> Any:
    """The content as the provider reads it; None where only a deployment shows it."""
    function, arguments = is_function(content)
    if function == "Fn::Sub":
        text = arguments[0] if isinstance(arguments, list) and arguments else arguments
        if not isinstance(text, str):
            return None
        # A reference to a parameter stands for any value, as one of the document's own does.
        substituted = re.sub(r"\$\{[^!}]+\}", "{{ substituted }}", text)
        parsed = parse(re.sub(r"\$\{!", "${", substituted), document_format)
        return None if substituted != text and isinstance(parsed, Unreadable) else parsed
    if function:
        return None
    if isinstance(content, dict):
        return as_sent(content)
    return parse(content, document_format) if isinstance(content, str) else None


def parse(text: str, document_format: Any) -> Any:
    """A string as JSON or YAML."""
    if len(text.encode()) > MAX_BYTES:
        return Unreadable("has more than 64 KB, which Systems Manager does not take")
    looks_like_json = text.lstrip().startswith(("{", "["))
    try:
        if document_format == "JSON" or (document_format != "YAML" and looks_like_json):
            parsed = json.loads(text, object_pairs_hook=without_duplicates)
        else:
            parsed = yaml.load(text, Loader=YamlLoader)
    except ValueError as error:
        return Unreadable(f"is not JSON: {error}")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return Unreadable(f"is not YAML{f' at line {mark.line + 1}' if mark else ''}")
    except TypeError:
        return Unreadable("has a key that is not a scalar")
    return parsed if isinstance(parsed, dict) else Unreadable("must be a mapping")


class YamlLoader(yaml.SafeLoader):
    """YAML as the provider reads it: no dates, no key twice, and nothing that parsers read differently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(problem="a key twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_settled_boolean(self, node: yaml.ScalarNode) -> bool | None:
        # Some parsers read yes as true, others as a string. The provider takes it for neither.
        return {"true": True, "false": False}.get(node.value.lower())


YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
YamlLoader.add_constructor("tag:yaml.org,2002:bool", YamlLoader.construct_settled_boolean)


def without_duplicates(pairs: list) -> dict:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("the same key occurs twice in one mapping")
    return dict(pairs)


def beyond_the_schema(content: dict, properties: dict) -> Iterator[tuple[str, list, bool]]:
    """What a schema can't say, or what may be meant: text, path, and whether the provider refuses it."""
    kind = content.get("sessionType")
    name = properties.get("DocumentName", properties.get("Name"))
    if name == PREFERENCES and kind in ("Port", "InteractiveCommands", "NonInteractiveCommands"):
        yield (
            f"must be Standard_Stream in {PREFERENCES}: every session reads its preferences there",
            ["sessionType"],
            True,
        )
    if kind == "Standard_Stream" and "properties" in content:
        yield "Standard_Stream ignores it", ["properties"], False
    inputs = content.get("inputs")
    if not isinstance(inputs, dict) or is_function(inputs)[0]:
        return

    def on(key: str) -> bool:
        return inputs.get(key) in (True, "true")

    def missing(key: str) -> bool:
        return inputs.get(key) in (None, "")

    def off(key: str) -> bool:
        return not on(key) and not is_open(inputs.get(key))

    if "idleSessionTimeout" not in inputs:
        yield (
            "is missing, which leaves the console's preferences page blank",
            ["inputs", "idleSessionTimeout"],
            False,
        )
    if on("runAsEnabled") and missing("runAsDefaultUser"):
        text = "is missing while runAsEnabled is true: callers without the tag SSMSessionRunAs can't start sessions"
        yield text, ["inputs", "runAsDefaultUser"], False
    has_log_group = not missing("cloudWatchLogGroupName") and not is_open(inputs["cloudWatchLogGroupName"])
    if has_log_group and off("cloudWatchStreamingEnabled"):
        text = "is not true: the log is uploaded when the session ends, and lost if the instance stops before"
        yield text, ["inputs", "cloudWatchStreamingEnabled"], False
    if on("cloudWatchEncryptionEnabled") and missing("cloudWatchLogGroupName"):
        yield "is true, but cloudWatchLogGroupName is missing", ["inputs", "cloudWatchEncryptionEnabled"], False
    if on("s3EncryptionEnabled") and missing("s3BucketName"):
        yield "is true, but s3BucketName is missing", ["inputs", "s3EncryptionEnabled"], False
    if not missing("s3KeyPrefix") and not is_open(inputs["s3KeyPrefix"]) and missing("s3BucketName"):
        yield "is given, but s3BucketName is missing", ["inputs", "s3KeyPrefix"], False


def is_open(value: Any) -> bool:
    """Whether a value is known only when the template is deployed."""
    return isinstance(value, dict) or (isinstance(value, str) and "{{ substituted }}" in value)
