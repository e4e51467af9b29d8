"""A proxy in front of Systems Manager that injects faults in the form AWS gives them (microburst)."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws import ROOT, base_environment, free_port, process, wait_until_it_responds


@dataclass(frozen=True)
class FaultProxy:
    """A running proxy; without rules it passes everything on."""

    url: str

    def break_with(self, *rules: dict[str, Any]) -> None:
        """Replaces all rules with these."""
        self._control("rules", json.dumps(rules).encode())

    def fired(self) -> list[str]:
        """The operations that a rule was applied to, in order."""
        return [event["operation"] for event in self._control("fired")]

    def _control(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"{self.url}/_microburst/{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)


@contextlib.contextmanager
def fault_proxy(folder: Path, upstream: str) -> Iterator[FaultProxy]:
    """Runs the proxy on a free loopback port until the end of the block."""
    port = free_port()
    command = [str(ROOT / ".venv/moto/bin/microburst"), "--host", "127.0.0.1", "--port", str(port)]
    with process("proxy", [*command, "--upstream", upstream], base_environment(), folder) as server:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_responds(server, f"{url}/_microburst/health", folder / "proxy.log")
        yield FaultProxy(url)
