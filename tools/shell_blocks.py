"""The shell commands of a page of documentation, and those that no test runs.

A block is run by a test unless a comment before it says why not: `<!-- not run by a test: needs an AWS account -->`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

SHELL = {"sh", "bash", "shell", "console"}
FENCE = re.compile(
    r"(?:^[ ]*<!-- not run by a test: (?P<why>[^\n]+?) -->\n+)?^(?P<indent>[ ]*)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    line: int
    language: str
    text: str
    why_not_run: str | None


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, with the line each starts on."""
    source = page.read_text()
    return [
        Block(
            line=source.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text=re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            why_not_run=found["why"],
        )
        for found in FENCE.finditer(source)
    ]


def commands(page: Path) -> str:
    """The shell commands of a page that a test is to run, in order."""
    return "".join(block.text for block in blocks(page) if block.language in SHELL and block.why_not_run is None)
