"""The two release binaries, and how this machine runs each in a root folder that holds nothing else."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from architectures import HOST_ARCHITECTURE, ROOT, RUST_TARGETS, release_binary


@dataclass(frozen=True)
class Bootstrap:
    """One architecture's release binary."""

    architecture: str

    @property
    def path(self) -> Path:
        return release_binary(self.architecture)


@dataclass(frozen=True)
class EmptyRoot:
    """A folder with the binary alone, beside a static emulator where the machine is of another architecture."""

    folder: Path
    command: list[str]


@pytest.fixture(params=RUST_TARGETS)
def bootstrap(request: pytest.FixtureRequest) -> Bootstrap:
    binary = Bootstrap(request.param)
    assert binary.path.exists(), f"{binary.path} is not there: run make build ARCH={binary.architecture}"
    return binary


@pytest.fixture
def empty_root(bootstrap: Bootstrap, tmp_path: Path) -> EmptyRoot:
    if platform.system() != "Linux":
        skip(f"the {bootstrap.architecture} binary, run alone", "Linux")
    inside = [copied_into(tmp_path, bootstrap.path)]
    if bootstrap.architecture != HOST_ARCHITECTURE:
        inside.insert(0, copied_into(tmp_path, emulator_of(bootstrap.architecture)))
    return EmptyRoot(tmp_path, [*change_of_root(), str(tmp_path), *inside])


def copied_into(folder: Path, program: Path) -> str:
    """The program's name inside the folder when that is the root."""
    shutil.copy(program, folder)
    return f"/{program.name}"


def emulator_of(architecture: str) -> Path:
    name = f"qemu-{RUST_TARGETS[architecture].split('-')[0]}-static"
    emulator = shutil.which(name)
    if not emulator:
        skip(f"the {architecture} binary, run alone", f"{name} (Debian, Ubuntu: apt-get install qemu-user-static)")
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
    skip("the binaries, run alone", "an empty root: root's rights, or user namespaces")


def skip(what: str, need: str) -> NoReturn:
    """Skips the test, and has `make test` name at its end what was left out."""
    subprocess.run([ROOT / "tools/skipped.sh", what, need], check=True)
    pytest.skip(f"{what}: needs {need}")
