"""Makes dist/ from the two release binaries: one archive with everything that is needed to deploy, verify and redistribute it.

The same commit gives the same bytes, on another day and in another folder.

    python tools/release.py
"""

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from architectures import RUST_TARGETS, release_binary
from function_zip import architecture_of, code_key, function_zip
from one_account import one_account
from samcli.yamlhelper import yaml_parse
from stackset_render import RENDERED, ROOT, SOURCE, with_code_keys

DIST = ROOT / "dist"
CARGO_TOOLS = ROOT / ".local/release-tools/bin"
LICENSES = ROOT / "tools/licenses"
RULES = ROOT / "schema/cfn-lint"
COPIED = (
    *("install.sh", "LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"),
    *("schema/session-document.schema.json", *(f"schema/cfn-lint/{file.name}" for file in RULES.glob("*.py"))),
)


class Refused(Exception):
    """Something that is not ready to be released."""


def output_of(*command: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """What a command prints. If it fails, so does the release."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command))} failed")
    return done.stdout.strip()


def the_one_version() -> str:
    """Cargo.toml's version, which the templates and the changelog must have as well."""
    version: str = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    template = yaml_parse(SOURCE.read_text())
    others = {
        f"{SOURCE.name}, SemanticVersion": template["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"],
        f"{SOURCE.name}, Outputs": template["Outputs"]["Version"]["Value"],
        "stackset/template.yaml, Outputs": yaml_parse(RENDERED.read_text())["Outputs"]["Version"]["Value"],
    }
    if wrong := [f"{place}: {other}" for place, other in others.items() if other != version]:
        raise Refused(f"Cargo.toml says version {version}, but {', '.join(wrong)}")
    if f"\n## {version}" not in (ROOT / "CHANGELOG.md").read_text():
        raise Refused(f"CHANGELOG.md says nothing of version {version}")
    return version


def binary_of(architecture: str) -> bytes:
    """The release binary, as "make build" made it."""
    path = release_binary(architecture, ROOT)
    binary = path.read_bytes() if path.exists() else b""
    if architecture_of(binary) != architecture:
        raise Refused(f"{path} is no binary for {architecture}: run make build ARCH={architecture}")
    return binary


def bill_of_materials(checkout: Path, architecture: str) -> str:
    """What is linked into the binary for an architecture, as CycloneDX."""
    target = RUST_TARGETS[architecture]
    command = ["cyclonedx", "--quiet", "--format=json", "--spec-version=1.5", "--describe=binaries", "--no-build-deps"]
    committed_at = output_of("git", "log", "-1", "--format=%ct")
    output_of(
        CARGO_TOOLS / "cargo-cyclonedx", *command, f"--target={target}", folder=checkout, SOURCE_DATE_EPOCH=committed_at
    )
    # It names this project's own crates by their folder.
    return (checkout / "bootstrap_bin.cdx.json").read_text().replace(checkout.as_uri(), "file:///src")


def license_texts() -> dict[str, str]:
    """The licenses of everything in the binaries, by file name."""
    output_of("cargo", "fetch", "--quiet", "--locked")
    about = ["generate", "--offline", "--locked", "--fail", "--config", LICENSES / "about.toml", LICENSES / "about.hbs"]
    rust = Path(output_of("rustc", "--print", "sysroot")) / "share/doc/rust/COPYRIGHT-library.html"
    zig = output_of(ROOT / ".venv/build/bin/python", "-c", "import ziglang; print(ziglang.__path__[0])")
    return {
        "crates.txt": output_of(CARGO_TOOLS / "cargo-about", *about) + "\n",
        "rust-standard-library.html": rust.read_text(),
        "musl.txt": (Path(zig) / "lib/libc/musl/COPYRIGHT").read_text(),
        "libunwind.txt": (Path(zig) / "lib/libunwind/LICENSE.TXT").read_text(),
    }


@dataclass(frozen=True)
class Evidence:
    """What a release says about its binaries: what is linked in, by architecture, and the licenses, by file name."""

    bills: dict[str, str]
    licenses: dict[str, str]


def gathered_evidence() -> Evidence:
    """The evidence of the last commit. Needs the release tools."""
    with tempfile.TemporaryDirectory() as folder:
        # A checkout of its own: the tool writes beside each Cargo.toml.
        checkout = Path(folder).resolve() / "checkout"
        output_of("git", "clone", "--quiet", "--no-hardlinks", ROOT, checkout)
        bills = {architecture: bill_of_materials(checkout, architecture) for architecture in RUST_TARGETS}
    return Evidence(bills, license_texts())


def bundle(binaries: dict[str, bytes], evidence: Evidence) -> dict[str, bytes]:
    """All files of a release, by name: what install.sh needs, and what shows what it installs."""
    keys = {architecture: code_key(binary) for architecture, binary in binaries.items()}
    stackset = with_code_keys(RENDERED.read_text(), keys)
    files = {keys[architecture]: function_zip(binary) for architecture, binary in binaries.items()}
    files["code-keys.txt"] = "".join(f"{architecture} {key}\n" for architecture, key in keys.items()).encode()
    files["stackset.yaml"] = stackset.encode()
    files["template.yaml"] = one_account(stackset).encode()
    files |= {f"sbom/{architecture}.cdx.json": bill.encode() for architecture, bill in evidence.bills.items()}
    files |= {f"licenses/{file}": text.encode() for file, text in evidence.licenses.items()}
    for file in COPIED:
        files[file] = (ROOT / file).read_bytes()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    return files | {"SHA256SUMS": "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()}


def archive(name: str, files: dict[str, bytes]) -> bytes:
    """The files as name.tar.gz, in a folder of that name: the same bytes for the same files."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for file, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size = len(content)
            entry.mode = 0o755 if file == "install.sh" else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def main() -> None:
    """Write dist/, all of it or none."""
    try:
        if changed := output_of("git", "status", "--porcelain"):
            raise Refused(f"A release is made of a commit. Not committed here:\n{changed}")
        name = f"cfn-ssm-document-{the_one_version()}"
        binaries = {architecture: binary_of(architecture) for architecture in RUST_TARGETS}
        files = bundle(binaries, gathered_evidence())
    except Refused as refused:
        sys.exit(f"No release: {refused}")
    packed = archive(name, files)
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    (DIST / f"{name}.tar.gz").write_bytes(packed)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(DIST, filter="data")
    print(f"dist/{name}.tar.gz, {len(packed):,} bytes, commit {output_of('git', 'rev-parse', '--short=12', 'HEAD')},")
    print(f"sha256 {hashlib.sha256(packed).hexdigest()}. It is unpacked beside it:")
    for file, content in sorted(files.items()):
        print(f"  {len(content):>9,}  {file}")


if __name__ == "__main__":
    main()
