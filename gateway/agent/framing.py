"""Messages on a socket: each is one JSON object behind a four-byte big-endian length."""

from gateway.agent.messages import FromProcess, ToProcess

LENGTH = 4
LIMIT = 4 * 1024 * 1024  # bytes of one message; more is a bug, not a conversation


def frame(message: ToProcess | FromProcess) -> bytes:
    """The message as bytes for the socket."""
    body = message.model_dump_json().encode()
    return len(body).to_bytes(LENGTH, "big") + body


class Unframe:
    """Bytes from the socket, in pieces of any size, to the bodies of whole messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Raises ValueError if a message is longer than ``LIMIT``."""
        self._bytes += data
        bodies = []
        while len(self._bytes) >= LENGTH:
            length = int.from_bytes(self._bytes[:LENGTH], "big")
            if length > LIMIT:
                raise ValueError(f"a message of {length} bytes")
            if len(self._bytes) < LENGTH + length:
                break
            bodies.append(bytes(self._bytes[LENGTH : LENGTH + length]))
            del self._bytes[: LENGTH + length]
        return bodies
