"""An emulated AWS with S3, STS and StackSets for the publishing tests."""

import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "example-provider"
REGIONS = ["eu-central-1", "us-east-1"]
MOTO = Path(os.environ.get("MOTO_SERVER", ROOT / ".venv/moto/bin/moto_server"))


@dataclass
class EmulatedAws:
    url: str
    log: Path

    def environment(self) -> dict[str, str]:
        """A machine's environment without its own AWS settings, pointed at the emulator."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        }

    def client(self, service: str, region: str = "us-east-1"):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def writes(self) -> list[str]:
        """Every PUT so far, by its path."""
        lines = [line for line in self.log.read_text().splitlines() if '"PUT ' in line]
        return [line.split('"PUT ')[1].split()[0] for line in lines]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("w") as output:
        server = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_answers(url, server)
        yield EmulatedAws(url, log)
    finally:
        server.terminate()
        server.wait(10)


def wait_until_it_answers(url: str, server: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert server.poll() is None, "the emulator ended early"
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the emulator does not answer")


@pytest.fixture
def aws(emulator: EmulatedAws) -> EmulatedAws:
    urllib.request.urlopen(urllib.request.Request(f"{emulator.url}/moto-api/reset", method="POST"), timeout=30).close()
    emulator.log.write_text("")
    return emulator


def elf(machine: int, content: bytes = b"code") -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + content


@pytest.fixture
def binaries(tmp_path: Path) -> dict[str, Path]:
    paths = {"arm64": tmp_path / "arm64", "x86_64": tmp_path / "x86_64"}
    paths["arm64"].write_bytes(elf(183))
    paths["x86_64"].write_bytes(elf(62))
    return paths


def publish(aws: EmulatedAws, binaries: dict[str, Path], *more: str, regions=REGIONS) -> subprocess.CompletedProcess:
    chosen = [f"--binary={architecture}={path}" for architecture, path in binaries.items()]
    output = binaries["arm64"].parent / "stackset.yaml"
    return subprocess.run(
        [
            *(sys.executable, ROOT / "tools/publish.py"),
            *(f"--bucket-prefix={PREFIX}", f"--regions={' '.join(regions)}", *chosen, f"--output={output}", *more),
        ],
        env=aws.environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def key_of(binary: Path) -> str:
    return f"cfn-ssm-document/{hashlib.sha256(binary.read_bytes()).hexdigest()}.zip"
