"""A stand-in for the bucket that takes the function's responses."""

import contextlib
import json
import queue
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loopback_server import Handler, loopback_server


@dataclass
class ResponseSink:
    """The URL for responses, and the responses that arrived, in order."""

    url: str
    responses: "queue.Queue[dict[str, Any]]"

    def next_response(self, seconds: float = 30) -> dict[str, Any]:
        """Waits for a response."""
        return self.responses.get(timeout=seconds)


@contextlib.contextmanager
def response_sink() -> Iterator[ResponseSink]:
    """Accepts PUTs on a free loopback port until the end of the block."""
    responses: queue.Queue[dict[str, Any]] = queue.Queue()

    class Bucket(Handler):
        def do_PUT(self) -> None:
            responses.put(json.loads(self.body()))
            self.respond(200, "text/plain", b"")

    with loopback_server(Bucket) as url:
        yield ResponseSink(f"{url}/response", responses)
