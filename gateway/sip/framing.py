"""Where one message ends and the next begins on a stream (RFC 3261 section 18.3)."""

import re

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.message import LIMITS, Limits

PING, PONG = b"\r\n\r\n", b"\r\n"  # keep-alives of RFC 5626 section 3.5.1

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*(?=\r\n)", re.I)


class Frames:
    """Cuts a stream into messages. A keep-alive comes out as ``PING`` or ``PONG``.

    After an error nothing on the stream can be trusted: the connection is to be closed.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._length: int | None = None  # of the message at the front, once its headers are there

    @property
    def waiting(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer.lstrip(b"\r\n"))  # not by a keep-alive

    def feed(self, data: bytes) -> list[bytes]:
        """Whole messages, in order. Raises SipSyntaxError if there is no telling where one ends."""
        self._buffer += data
        found = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if self._length is None:
            if buffer.startswith(b"\r"):
                if len(buffer) < len(PING):
                    return None  # half a ping or a whole pong: only what follows can tell
                if not buffer.startswith(PONG):
                    raise SipSyntaxError("Message", "a carriage return alone begins nothing")
                return self._cut(len(PING if buffer.startswith(PING) else PONG))
            self._length = self._message_length()
        if self._length is None or len(buffer) < self._length:
            return None
        return self._cut(self._length)

    def _cut(self, length: int) -> bytes:
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._length, self._searched = None, 0
        return frame

    def _message_length(self) -> int | None:
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > self._limits.message:
                raise SipSyntaxError("Message", "the headers do not end", 513)
            return None
        lengths = set(_LENGTH.findall(bytes(self._buffer[: end + 2])))
        if len(lengths) != 1:
            raise SipSyntaxError("Content-Length", "a stream needs exactly one")
        total = end + 4 + int(lengths.pop())
        if total > self._limits.message:
            raise SipSyntaxError("Content-Length", f"{total} bytes are too many", 513)
        return total
