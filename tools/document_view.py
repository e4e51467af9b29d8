"""What a person wants to see of a document: its versions with the default marked, and how its content changed."""

import difflib
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def coloured(text: str, colour: str) -> str:
    """The text in a colour, if standard output is a terminal."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


@dataclass(frozen=True)
class DocumentView:
    """A document as it was at one moment; without versions if it did not exist."""

    default: str
    versions: tuple[str, ...]
    content: dict[str, Any]
    tags: dict[str, str]

    @property
    def inputs(self) -> dict[str, Any]:
        """The settings of a Session document."""
        inputs: dict[str, Any] = self.content.get("inputs", {})
        return inputs

    def line(self) -> str:
        """All versions, the default one in brackets."""
        if not self.versions:
            return "no document"
        marked = (coloured(f"[{v}]", "bold") if v == self.default else v for v in self.versions)
        return f"versions {' '.join(marked)}, default version {self.default}"

    def changes_since(self, earlier: "DocumentView") -> list[str]:
        """The lines that were added to the default version's content or removed from it."""
        before, after = (json.dumps(view.content, indent=2, sort_keys=True).splitlines() for view in (earlier, self))
        changed = [
            line for line in difflib.unified_diff(before, after, n=0) if not line.startswith(("---", "+++", "@@"))
        ]
        return [coloured(line, "green" if line.startswith("+") else "red") for line in changed]


def view(ssm: Any, name: str) -> DocumentView:
    """Reads the document as it is now."""
    try:
        described = ssm.describe_document(Name=name)["Document"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidDocument":
            return DocumentView("", (), {}, {})
        raise
    listed = ssm.list_document_versions(Name=name)["DocumentVersions"]
    content = ssm.get_document(Name=name, DocumentVersion="$DEFAULT", DocumentFormat="JSON")["Content"]
    tags = ssm.list_tags_for_resource(ResourceType="Document", ResourceId=name)["TagList"]
    return DocumentView(
        default=described["DefaultVersion"],
        versions=tuple(sorted((version["DocumentVersion"] for version in listed), key=int)),
        content=json.loads(content),
        tags={tag["Key"]: tag["Value"] for tag in tags},
    )
