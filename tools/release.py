"""Makes dist/ from the two release binaries: what a stranger needs to deploy, to check, and to pass on.

The same commit gives the same bytes, on another day and in another folder.

    python tools/release.py
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from architectures import RUST_TARGETS, release_binary
from function_zip import architecture_of, code_key, function_zip
from samcli.yamlhelper import yaml_parse
from stackset_render import RENDERED, ROOT, SOURCE, with_code_keys

DIST = ROOT / "dist"
CARGO_TOOLS = ROOT / ".local/release-tools/bin"
LICENSES = ROOT / "tools/licenses"


class Refused(Exception):
    """Something that is not ready to be released."""


def output_of(*command: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """What a command prints; where it fails, so does the release."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command))} failed")
    return done.stdout.strip()


def the_one_version() -> str:
    """Cargo.toml's version, which the templates and the changelog have to have, too."""
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
    """The licenses of all that is in the binaries, by the file's name."""
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


def files_of(version: str) -> dict[str, bytes]:
    """All of a release but its sums, by name."""
    name = f"cfn-ssm-document-{version}"
    binaries = {architecture: binary_of(architecture) for architecture in RUST_TARGETS}
    keys = {architecture: code_key(binary) for architecture, binary in binaries.items()}
    files = {f"{name}-{architecture}.zip": function_zip(binary) for architecture, binary in binaries.items()}
    files["stackset.yaml"] = with_code_keys(RENDERED.read_text(), keys).encode()
    with tempfile.TemporaryDirectory() as folder:
        # A checkout of its own: the tool writes beside each Cargo.toml.
        checkout = Path(folder).resolve() / "checkout"
        output_of("git", "clone", "--quiet", "--no-hardlinks", ROOT, checkout)
        for architecture in RUST_TARGETS:
            files[f"{name}-{architecture}.cdx.json"] = bill_of_materials(checkout, architecture).encode()
    files |= {f"licenses/{file}": text.encode() for file, text in license_texts().items()}
    for file in ("LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"):
        files[file] = (ROOT / file).read_bytes()
    return files


def main() -> None:
    """Write dist/, all of it or none."""
    try:
        if changed := output_of("git", "status", "--porcelain"):
            raise Refused(f"A release is made of a commit. Not committed here:\n{changed}")
        version = the_one_version()
        files = files_of(version)
    except Refused as refused:
        sys.exit(f"No release: {refused}")
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    files["SHA256SUMS"] = "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()
    shutil.rmtree(DIST, ignore_errors=True)
    for name, content in files.items():
        (DIST / name).parent.mkdir(parents=True, exist_ok=True)
        (DIST / name).write_bytes(content)
    print(f"dist/ is cfn-ssm-document {version}, commit {output_of('git', 'rev-parse', '--short=12', 'HEAD')}:")
    for name, digest in sums.items():
        print(f"  {len(files[name]):>9,}  {digest}  {name}")


if __name__ == "__main__":
    main()
