"""Rules for cfn-lint that check Custom::SsmDocument and Custom::SsmServiceSetting in templates before they are deployed.

    cfn-lint --append-rules schema/cfn-lint -- template.yaml

| rule  | finds |
|-------|-------|
| E9501 | a property of Custom::SsmDocument that is unknown, missing or has a wrong value |
| E9502 | content of a Session document that the provider refuses |
| W9503 | content of a Session document that the provider accepts with a warning |
| W9504 | a missing ServiceTimeout |
| E9505 | a property of Custom::SsmServiceSetting that is unknown, missing or has a wrong value |

Values of intrinsic functions are checked as far as cfn-lint can resolve them. Tried with cfn-lint 1.58. The rules need the
other files of this folder and ../session-document.schema.json.
"""

import json
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.helpers import is_function
from cfnlint.jsonschema import ValidationError, Validator
from cfnlint.jsonschema._keywords_cfn import cfn_type
from cfnlint.rules.jsonschema import CfnLintJsonSchema

# cfn-lint loads only files whose names begin with a letter, each by itself, and its folder is not on the path.
sys.path.append(str(Path(__file__).parent))

from _ssm_properties import DOCUMENT_SCHEMA, NOT_WITH_MERGE, SERVICE_SETTING_SCHEMA
from _ssm_session_content import BOOLEANS, Unreadable, as_sent, beyond_the_schema, read

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

DOCUMENT = "Custom::SsmDocument"
SERVICE_SETTING = "Custom::SsmServiceSetting"


class SsmDocumentProperties(CfnLintJsonSchema):
    id = "E9501"
    shortdesc = "Properties of Custom::SsmDocument"
    description = "The provider accepts these properties"
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
                    f"{name} must be a string in a document of type {kind}: CloudFormation turns every scalar in a "
                    "mapping into a string, and the provider can undo that only for Session documents",
                    path=path,
                    rule=self,
                )


class SsmServiceSettingProperties(CfnLintJsonSchema):
    id = "E9505"
    shortdesc = "Properties of Custom::SsmServiceSetting"
    description = "The provider accepts these properties"
    tags = ("resources", "ssm")

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{SERVICE_SETTING}/Properties"])

    def validate(self, validator: Validator, _: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
        yield from checked(self, validator, SERVICE_SETTING_SCHEMA, as_sent(instance))


class ServiceTimeout(CfnLintJsonSchema):
    id = "W9504"
    shortdesc = "ServiceTimeout is missing"
    description = "Without ServiceTimeout, CloudFormation waits an hour for a response that never comes"
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
    shortdesc = "Content of a Session document may not work as intended"
    description = "The provider accepts this content with a warning"
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
