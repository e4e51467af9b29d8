"""A stand-in for the bucket that takes the function's responses."""

import contextlib
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ResponseSink:
    """Where responses go, and those that came, in order."""

    url: str
    responses: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)

    def next_response(self, seconds: float = 30) -> dict[str, Any]:
        """Waits for a response."""
        return self.responses.get(timeout=seconds)


@contextlib.contextmanager
def response_sink() -> Iterator[ResponseSink]:
    """Takes PUTs on a free loopback port for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.responses.put(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink = ResponseSink(f"http://127.0.0.1:{server.server_port}/response")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
