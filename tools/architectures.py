"""The architectures that the function is built for, by Lambda's names."""

import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUST_TARGETS = {"arm64": "aarch64-unknown-linux-musl", "x86_64": "x86_64-unknown-linux-musl"}
HOST_ARCHITECTURE = "arm64" if platform.machine().lower() in ("aarch64", "arm64") else "x86_64"


def release_binary(architecture: str, root: Path = ROOT) -> Path:
    """Where `make build` puts the release binary."""
    return root / "target/lambda" / architecture / "bootstrap"
