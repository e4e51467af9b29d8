"""A stand-in for the bucket that takes the function's answers."""

import contextlib
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class AnswerSink:
    """Where answers go, and those that came, in order."""

    url: str
    answers: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)

    def next_answer(self, seconds: float = 30) -> dict[str, Any]:
        """Waits for an answer."""
        return self.answers.get(timeout=seconds)


@contextlib.contextmanager
def answer_sink() -> Iterator[AnswerSink]:
    """Takes PUTs on a free loopback port for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.answers.put(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink = AnswerSink(f"http://127.0.0.1:{server.server_port}/answer")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
