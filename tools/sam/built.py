"""Records the architecture of a build in a file beside it, which `sam deploy` reads (samconfig.toml).

A binary of another architecture than the function's can't start, and the stack would wait for a response that never comes.
The template has a rule that refuses a deployment whose architecture is not the one noted here.
"""

import re
import sys
import tomllib
from pathlib import Path


def architectures_fixed_in(samconfig: Path) -> set[str]:
    """Those that `sam deploy --guided` saved, which would hide the note."""
    overrides = tomllib.loads(samconfig.read_text())["default"]["deploy"]["parameters"].get("parameter_overrides", [])
    text = overrides if isinstance(overrides, str) else " ".join(map(str, overrides))
    return set(re.findall(r'\b(?:Built)?Architecture=\\?"?(\w+)', text))


def main(architecture: str, artifacts: Path) -> None:
    """Writes the note, or refuses if samconfig.toml deploys another architecture."""
    if other := architectures_fixed_in(Path("samconfig.toml")) - {architecture}:
        sys.exit(
            f"This build is for {architecture}, but parameter_overrides in samconfig.toml deploys {', '.join(other)}."
        )
    note = artifacts.parent.parent / "built.yaml"
    note.write_text(f"Architecture: {architecture}\nBuiltArchitecture: {architecture}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
