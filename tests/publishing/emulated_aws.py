"""An emulated AWS with S3, STS and StackSets, and the publisher run against it."""

import hashlib
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
from local_aws import ROOT, base_environment

PREFIX = "example-provider"
REGIONS = ["eu-central-1", "us-east-1"]
MOTO = ROOT / ".venv/moto/bin/moto_server"


@dataclass
class EmulatedAws:
    url: str
    log: Path

    def environment(self) -> dict[str, str]:
        """What leads an AWS client to the emulator, and the aws client beside this interpreter first in the path."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return base_environment() | {"AWS_ENDPOINT_URL": self.url, "PATH": path}

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


def wait_until_it_responds(url: str, server: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert server.poll() is None, "the emulator ended early"
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the emulator does not respond")


def elf(machine: int, content: bytes = b"code") -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + content


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
