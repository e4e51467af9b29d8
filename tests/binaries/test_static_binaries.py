"""What a stranger deploys: it carries all it needs, and serves requests where there is nothing else."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

from architectures import ROOT
from conftest import Bootstrap, EmptyRoot
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

DRIVER = ROOT / "target/debug/examples/document_life"


def test_it_is_for_the_architecture_it_is_named_after(bootstrap: Bootstrap) -> None:
    with bootstrap.path.open("rb") as file:
        machine = ELFFile(file)["e_machine"]
    assert machine == {"arm64": "EM_AARCH64", "x86_64": "EM_X86_64"}[bootstrap.architecture]


def test_it_asks_for_no_interpreter_and_no_library(bootstrap: Bootstrap) -> None:
    with bootstrap.path.open("rb") as file:
        elf = ELFFile(file)
        segments = {segment["p_type"] for segment in elf.iter_segments()}
        sections = {section.name for section in elf.iter_sections()}
    assert "PT_LOAD" in segments and ".text" in sections
    assert not segments & {"PT_INTERP", "PT_DYNAMIC"}
    assert not sections & {".interp", ".dynamic", ".dynsym", ".gnu.version_r"}


def test_it_names_no_symbol_of_glibc(bootstrap: Bootstrap) -> None:
    with bootstrap.path.open("rb") as file:
        tables = [section for section in ELFFile(file).iter_sections() if isinstance(section, SymbolTableSection)]
        names = [symbol.name for table in tables for symbol in table.iter_symbols()]
    assert not [name for name in names if "GLIBC" in name]
    assert b"GLIBC_" not in bootstrap.path.read_bytes()


def test_it_names_no_folder_of_the_machine_that_built_it(bootstrap: Bootstrap) -> None:
    content = bootstrap.path.read_bytes()
    assert b"/cargo/registry/src/" in content, "paths are there, under another name"
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    for folder in (str(ROOT), cargo_home, os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))):
        assert folder.encode() not in content, folder


def test_it_creates_updates_and_deletes_a_document_in_an_empty_root(empty_root: EmptyRoot) -> None:
    # The authority of the test's certificates lies beside it: data of the test, which AWS_CA_BUNDLE names.
    life = drive("--root", str(empty_root.folder), *empty_root.command)
    assert life.returncode == 0, life.stdout + life.stderr


def test_it_says_its_version_and_commit_first(empty_root: EmptyRoot) -> None:
    life = drive("--root", str(empty_root.folder), *empty_root.command)
    first = json.loads(life.stdout.splitlines()[0])
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert (first["message"], first["version"]) == ("started", version)
    assert re.fullmatch("[0-9a-f]{12}(-dirty)?" if (ROOT / ".git").exists() else "unknown", first["commit"])


def test_it_refuses_certificates_that_its_own_roots_do_not_vouch_for(empty_root: EmptyRoot) -> None:
    life = drive("--distrusted", *empty_root.command)
    assert life.returncode == 0, life.stdout + life.stderr
    assert "UnknownIssuer" in life.stdout


def drive(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DRIVER, *arguments], check=False, capture_output=True, text=True, timeout=240)
