"""The content of a Session document: how the provider reads it, and what a JSON Schema can't say of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from cfnlint.helpers import is_function

PREFERENCES = "SSM-SessionManagerRunShell"
MAX_BYTES = 64 * 1024
BOOLEANS = {
    *("s3EncryptionEnabled", "cloudWatchEncryptionEnabled", "cloudWatchStreamingEnabled"),
    *("runAsEnabled", "runAsElevated"),
}


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
        return Unreadable("has more than 64 KB, the most that Systems Manager accepts")
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
        yield "is ignored by Standard_Stream", ["properties"], False
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
        text = "is missing while runAsEnabled is true: callers without the tag SSMSessionRunAs can't start a session"
        yield text, ["inputs", "runAsDefaultUser"], False
    has_log_group = not missing("cloudWatchLogGroupName") and not is_open(inputs["cloudWatchLogGroupName"])
    if has_log_group and off("cloudWatchStreamingEnabled"):
        text = "is not true: the log is uploaded when the session ends, and is lost if the instance stops before that"
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
