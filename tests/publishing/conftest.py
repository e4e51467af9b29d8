"""Fixtures of the publishing tests."""

import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated_aws import MOTO, EmulatedAws, elf, wait_until_it_responds
from local_aws import free_port


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    port = free_port()
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("w") as output:
        server = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_responds(url, server)
        yield EmulatedAws(url, log)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def aws(emulator: EmulatedAws) -> EmulatedAws:
    urllib.request.urlopen(urllib.request.Request(f"{emulator.url}/moto-api/reset", method="POST"), timeout=30).close()
    emulator.log.write_text("")
    return emulator


@pytest.fixture
def binaries(tmp_path: Path) -> dict[str, Path]:
    paths = {"arm64": tmp_path / "arm64", "x86_64": tmp_path / "x86_64"}
    paths["arm64"].write_bytes(elf(183))
    paths["x86_64"].write_bytes(elf(62))
    return paths
