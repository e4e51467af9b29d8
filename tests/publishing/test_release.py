"""What a release says of itself."""

import tomllib
from pathlib import Path

import pytest
import release
from architectures import release_binary


def test_cargo_the_templates_and_the_changelog_have_one_version() -> None:
    cargo = tomllib.loads((release.ROOT / "Cargo.toml").read_text())
    assert release.the_one_version() == cargo["workspace"]["package"]["version"]


def test_a_template_of_another_version_is_not_released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "template.yaml"
    other.write_text(release.SOURCE.read_text().replace("SemanticVersion: ", "SemanticVersion: 9."))
    monkeypatch.setattr(release, "SOURCE", other)
    with pytest.raises(release.Refused, match=r"template\.yaml, SemanticVersion: 9\."):
        release.the_one_version()


def test_a_binary_for_another_architecture_is_not_released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = release_binary("arm64", tmp_path)
    built.parent.mkdir(parents=True)
    built.write_bytes(b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little"))
    monkeypatch.setattr(release, "ROOT", tmp_path)
    with pytest.raises(release.Refused, match="no binary for arm64"):
        release.binary_of("arm64")
