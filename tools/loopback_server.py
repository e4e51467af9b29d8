"""HTTP servers of this process on the loopback: stand-ins for what the function talks to, and proxies in front of them."""

import contextlib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOWEST_UPSTREAM_SECONDS = 60


class Handler(BaseHTTPRequestHandler):
    """Reads and writes whole bodies, keeps connections open, and prints nothing."""

    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def respond(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def passed_on(self, upstream: str, body: bytes) -> tuple[int, str, bytes]:
        """Sends this request to the upstream's URL; gives status, content type and body of the response, an error's too."""
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        request = urllib.request.Request(upstream + self.path, body, kept, method=self.command)
        try:
            response = urllib.request.urlopen(request, timeout=SLOWEST_UPSTREAM_SECONDS)
        except urllib.error.HTTPError as refusal:
            response = refusal
        with response:
            return response.status, response.headers["Content-Type"], response.read()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextlib.contextmanager
def loopback_server(handler: type[Handler]) -> Iterator[str]:
    """Serves on a free port until the end of the block; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
