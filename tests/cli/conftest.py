"""A gateway's API as the command line meets it: scripted answers on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

KEY = "the-right-key"


class FakeApi:
    """``answers`` maps ``"GET /call/1"`` to the answers to give in turn; the last one stays.

    An answer is ``(status, body)``; a body that is not JSON-able goes out as text.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.requests: list[tuple[str, Any]] = []
        api = self

        class Page(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                line = f"{self.command} {self.path}"
                api.requests.append((line, body))
                status, reply = api.next(line, self.headers.get("Authorization", ""))
                sent = reply.encode() if isinstance(reply, str) else json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def next(self, line: str, authorization: str) -> tuple[int, Any]:
        if authorization != f"Bearer {KEY}":
            return 401, {"message": "Invalid key", "error": "Unauthorized", "statusCode": 401}
        waiting = self.answers.get(line)
        if not waiting:
            return 404, {"message": f"no answer for {line}", "statusCode": 404}
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    fake = FakeApi()
    monkeypatch.setenv("GATEWAY_API__LISTEN", fake.address)
    monkeypatch.setenv("GATEWAY_API__KEY", KEY)
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()
