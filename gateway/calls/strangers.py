"""Calls of strangers who have not shown yet that they are where they say: they may not have it all.

An INVITE by UDP may come from an invented address. Its call holds a line for the 32 s in which the
ACK is waited for, and a few such INVITEs a second would hold every line there is.
"""

from gateway.errors import NoRoom

SHARE = 4  # of the lines they may have one in so many


class Strangers:
    def __init__(self, lines: int) -> None:
        self._most = max(1, lines // SHARE)
        self._waiting: set[str] = set()

    def check(self) -> None:
        """Raises NoRoom if there shall be no more of them now."""
        if len(self._waiting) >= self._most:
            raise NoRoom(f"{self._most} callers have not shown yet who they are")

    def add(self, call_id: str) -> None:
        self._waiting.add(call_id)

    def gone(self, call_id: str) -> None:
        """Its ACK is there, or it is over."""
        self._waiting.discard(call_id)
