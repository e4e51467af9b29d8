"""The function under AWS's own Runtime Interface Emulator, which comes with the SAM CLI: real deadlines, real kills."""

import contextlib
import importlib.util
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from architectures import HOST_ARCHITECTURE, release_binary
from local_aws import ACCOUNT, ROOT, base_environment, free_port, process, wait_until_it_responds

# The emulator always says that the function is in this account and in us-east-1.
EMULATORS_ACCOUNT = "012345678912"
INVOKE = "2015-03-31/functions/function/invocations"


def bootstrap() -> Path:
    """The function's binary: the one that BOOTSTRAP names, otherwise the release binary that `make build` made."""
    return ROOT / os.environ.get("BOOTSTRAP", release_binary(HOST_ARCHITECTURE))


def emulator_binary() -> Path:
    """The emulator for this machine's architecture, in SAM's package."""
    spec = importlib.util.find_spec("samcli")
    assert spec and spec.origin
    return Path(spec.origin).parent / f"local/rapid/aws-lambda-rie-{HOST_ARCHITECTURE}"


def as_invoked_here(event: dict[str, Any], response_url: str) -> dict[str, Any]:
    """The event as a stack of the emulator's own account would send it, with its response going to a loopback address."""
    moved: dict[str, Any] = json.loads(json.dumps(event).replace(ACCOUNT, EMULATORS_ACCOUNT))
    return moved | {"ResponseURL": response_url}


@dataclass(frozen=True)
class Emulator:
    """A running emulator with the function in it."""

    url: str
    log: Path

    def invoke(self, event: dict[str, Any], seconds: float = 60) -> dict[str, Any] | None:
        """What the runtime was told: nothing for success, an error with its type and message otherwise."""
        request = urllib.request.Request(f"{self.url}/{INVOKE}", json.dumps(event).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                body = reply.read()
        except urllib.error.HTTPError as error:  # the function's process ended
            return {"errorMessage": f"HTTP {error.code}: {error.read().decode()}"}
        try:
            told: dict[str, Any] | None = json.loads(body or "null")
        except json.JSONDecodeError:  # the emulator's own words, after it killed the function
            told = {"errorMessage": body.decode()}
        return told


@contextlib.contextmanager
def emulator(folder: Path, ssm_url: str, timeout_seconds: int = 180, **settings: str) -> Iterator[Emulator]:
    """Runs the function with Systems Manager at a URL, until the end of the block."""
    port, runtime_port = free_port(), free_port()
    environment = base_environment() | {
        "AWS_ENDPOINT_URL_SSM": ssm_url,
        # There is no stack behind these events, so the function can't ask CloudFormation about them.
        "AWS_ENDPOINT_URL_CLOUDFORMATION": f"http://127.0.0.1:{free_port()}",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "CFN_SSM_DOCUMENT_ALLOW_LOOPBACK": "true",
        **settings,
    }
    command = [
        str(emulator_binary()),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
        str(bootstrap()),
    ]
    with process("emulator", command, environment, folder) as server:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_responds(server, url, folder / "emulator.log")
        yield Emulator(url, folder / "emulator.log")
