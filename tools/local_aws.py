"""A local AWS: ministack for CloudFormation, Lambda, S3, Logs and IAM, and the project's loopback-aws for Systems Manager.

ministack runs the function natively and passes its own environment on, so the template needs nothing local in it. The function's
calls go through a proxy that allows what the function's role allows (enforcing_proxy.py); everybody else's calls are not checked.
Everything listens on loopback, on free ports, and writes to `.local/aws-*/`, which is deleted unless something failed.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from enforcing_proxy import DeployedRoles, EnforcingProxy, enforcing_proxy

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "111122223333"
REGION = "us-east-1"
SLOWEST_START_SECONDS = 60


class NotDecided(Exception):
    """Calls of the function that could be neither allowed nor denied."""


class DidNotStart(Exception):
    """A part of the local AWS ended, or did not respond, while it was starting."""


@dataclass(frozen=True)
class LocalAws:
    """Where a running local AWS is."""

    url: str
    ssm_url: str
    folder: Path
    enforcement: EnforcingProxy

    def environment(self) -> dict[str, str]:
        """What an AWS client needs to find it, and nothing that leads to a real account."""
        return base_environment() | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_SSM": self.ssm_url,
            "SAM_CLI_TELEMETRY": "0",
        }


def base_environment() -> dict[str, str]:
    """This process's environment without any AWS setting or log level, with credentials that are valid nowhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RUST_", "MAKE"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def process(
    name: str, command: list[str], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server until the end of the block, in a process group of its own, so that its children end with it."""
    with (folder / f"{name}.log").open("wb") as log:
        # The end of this block stops it, and not the terminal's Ctrl-C, so that stacks can be deleted first.
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait_until_it_responds(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Any HTTP status counts."""
    deadline = time.monotonic() + SLOWEST_START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise DidNotStart(f"{url} does not respond. The end of {log}:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def ssm_model(
    folder: Path, account: str = ACCOUNT, region: str = REGION, duplicates: str = "latest", latency_ms: int = 0
) -> Iterator[str]:
    """Runs only Systems Manager, for one Region, as `make` built it; gives its URL.

    `duplicates` says which versions new content may not equal: the `latest` or `any`. Every call takes `latency_ms`.
    """
    port = free_port()
    binary = ROOT / "target/debug/loopback-aws"
    place = ["--ssm-port", str(port), "--account", account, "--region", region]
    command = [str(binary), *place, "--duplicates", duplicates, "--latency-ms", str(latency_ms)]
    with process(f"ssm-{region}", command, base_environment(), folder) as server:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_responds(server, url, folder / f"ssm-{region}.log")
        yield url


@contextlib.contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A folder under `.local/`, which is kept for its logs only if the block fails."""
    (ROOT / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=ROOT / ".local"))
    try:
        yield folder
    except Exception:
        print(f"See the logs: {folder}/*.log", file=sys.stderr)
        raise
    except BaseException:  # Ctrl-C
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


@contextlib.contextmanager
def local_aws(
    ssm: Callable[[Path], contextlib.AbstractContextManager[str]] = ssm_model,
) -> Iterator[LocalAws]:
    """Starts all parts, waits until they respond, and stops them at the end of the block.

    Then raises `NotDecided` if a call could not be decided. `ssm` runs Systems Manager and gives its URL, which serves the
    functions of every Region.
    """
    with scratch_folder("aws") as folder, ssm(folder) as ssm_url:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        upstreams = {"ssm": ssm_url, "cloudformation": url}
        roles = DeployedRoles(url)
        with enforcing_proxy(upstreams, ACCOUNT, roles.of_function) as enforcement:
            environment = base_environment() | {
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_HOST": "127.0.0.1",
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "MINISTACK_REGION": REGION,
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "TMPDIR": str(folder),
                "S3_DATA_DIR": str(folder / "s3"),
                # For the function, which ministack starts in its own environment:
                "AWS_ENDPOINT_URL_SSM": enforcement.url,
                "AWS_ENDPOINT_URL_CLOUDFORMATION": enforcement.url,
                "CFN_SSM_DOCUMENT_ALLOW_LOOPBACK": "true",
            }
            command = [str(ROOT / ".venv/ministack/bin/ministack")]
            with process("ministack", command, environment, folder) as server:
                wait_until_it_responds(server, f"{url}/_ministack/health", folder / "ministack.log")
                yield LocalAws(url, ssm_url, folder, enforcement)
        if enforcement.trouble:
            raise NotDecided("\n".join(sorted(set(enforcement.trouble))))
