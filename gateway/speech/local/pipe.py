"""Requests and answers of a worker process, on its own side of the pipe."""

import json
from typing import Any, BinaryIO

Json = dict[str, Any]


def read(stream: BinaryIO) -> tuple[Json, bytes] | None:
    """The next request and its sound; None at the end."""
    size = stream.read(4)
    if len(size) < 4:
        return None
    head: Json = json.loads(stream.read(int.from_bytes(size, "big")))
    return head, stream.read(head.pop("bytes", 0))


def write(stream: BinaryIO, head: Json, sound: bytes = b"") -> None:
    body = json.dumps(head | {"bytes": len(sound)}).encode()
    stream.write(len(body).to_bytes(4, "big") + body + sound)
    stream.flush()
