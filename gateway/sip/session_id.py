"""Session-ID (RFC 7989): one name for a call across all that rewrite its Call-ID."""

import random
import re

from gateway.sip.message import Message

NIL = "0" * 32

_HALF = re.compile(r"\s*([0-9a-f]{32})\s*(?:;|$)", re.IGNORECASE)


class SessionId:
    """Our half, made once, and the peer's, which may change when a call is transferred."""

    __slots__ = ("ours", "theirs")

    def __init__(self, rng: random.Random) -> None:
        self.ours = f"{rng.getrandbits(128):032x}"
        self.theirs = NIL

    def hear(self, message: Message) -> None:
        match = _HALF.match(message.headers.get("Session-ID") or "")
        if match:
            self.theirs = match[1].lower()

    def mark(self, message: Message) -> None:
        if "Session-ID" not in message.headers:
            message.headers.take("Session-ID", str(self))

    def __str__(self) -> str:
        return f"{self.ours};remote={self.theirs}"


def within_transaction(invite: Message, response: Message) -> str | None:
    """What the ACK of a refusal carries, which no session writes."""
    ours = _HALF.match(invite.headers.get("Session-ID") or "")
    theirs = _HALF.match(response.headers.get("Session-ID") or "")
    return f"{ours[1]};remote={theirs[1] if theirs else NIL}" if ours else None
