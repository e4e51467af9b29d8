"""The two release binaries, and how this machine runs each in a root folder that holds nothing else."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUST_NAMES = {"arm64": "aarch64", "x86_64": "x86_64"}
THIS_MACHINE = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())


@dataclass(frozen=True)
class Bootstrap:
    """One architecture's release binary."""

    architecture: str

    @property
    def path(self) -> Path:
        return ROOT / f"target/{RUST_NAMES[self.architecture]}-unknown-linux-musl/release/bootstrap"


@dataclass(frozen=True)
class EmptyRoot:
    """A folder with the binary alone, beside a static emulator where the machine is of another architecture."""

    folder: Path
    command: list[str]


@pytest.fixture(params=RUST_NAMES)
def bootstrap(request: pytest.FixtureRequest) -> Bootstrap:
    binary = Bootstrap(request.param)
    assert binary.path.exists(), f"{binary.path} is not there: run make build ARCH={binary.architecture}"
    return binary


@pytest.fixture
def empty_root(bootstrap: Bootstrap, tmp_path: Path) -> EmptyRoot:
    if platform.system() != "Linux":
        pytest.skip(f"NOT RUN: the binary for {bootstrap.architecture} needs Linux, this is {platform.system()}")
    inside = [copied_into(tmp_path, bootstrap.path)]
    if bootstrap.architecture != THIS_MACHINE:
        inside.insert(0, copied_into(tmp_path, emulator_of(bootstrap.architecture)))
    return EmptyRoot(tmp_path, [*change_of_root(), str(tmp_path), *inside])


def copied_into(folder: Path, program: Path) -> str:
    """The program's name inside the folder when that is the root."""
    shutil.copy(program, folder)
    return f"/{program.name}"


def emulator_of(architecture: str) -> Path:
    name = f"qemu-{RUST_NAMES[architecture]}-static"
    emulator = shutil.which(name)
    if not emulator:
        pytest.skip(f"NOT RUN: the binary for {architecture} needs {name} here (Debian: qemu-user-static)")
    return Path(emulator)


def change_of_root() -> list[str]:
    """What runs a command in another root folder, for root and, where the kernel lets them, for everybody."""
    if os.geteuid() == 0:
        return [shutil.which("chroot") or "/usr/sbin/chroot"]
    unshare = shutil.which("unshare")
    if unshare:
        tried = subprocess.run([unshare, "--map-root-user", "true"], check=False, capture_output=True)
        if tried.returncode == 0:
            return [unshare, "--map-root-user", "--root"]
    pytest.skip("NOT RUN: an empty root needs root's rights or user namespaces, and this machine gives neither")
