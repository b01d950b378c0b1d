"""What each call's messages were: the newest of each, within bounds, until somebody wants them."""

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.sip.routing import Address

TOTAL_BYTES = 64 << 20  # over all calls; the least recently heard of goes first
OVERHEAD_BYTES = 200  # of one message, besides its own

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+?)[ \t]*\r\n", re.I)


class Seen(NamedTuple):
    at: float  # Unix time
    source: Address
    destination: Address
    transport: str
    data: bytes


@dataclass(slots=True)
class _Ring:
    messages: deque[Seen] = field(default_factory=deque)
    size: int = 0


def call_id_of(data: bytes) -> str:
    """The Call-ID of a message, as far as a glance tells; ""."""
    found = _CALL_ID.search(data, 0, data.find(b"\r\n\r\n") + 2 or len(data))
    return found[1].decode("utf-8", "replace") if found else ""


class Captures:
    """A ring begins with an INVITE; messages of other Call-IDs are not kept."""

    def __init__(self, most_bytes: int, total_bytes: int = TOTAL_BYTES) -> None:
        self._most = most_bytes
        self._total = total_bytes
        self._size = 0
        self._rings: OrderedDict[str, _Ring] = OrderedDict()

    def wants(self, call_id: str, data: bytes) -> bool:
        return call_id in self._rings or (bool(call_id) and data.startswith(b"INVITE "))

    def add(self, call_id: str, seen: Seen) -> None:
        ring = self._rings.setdefault(call_id, _Ring())
        self._rings.move_to_end(call_id)
        ring.messages.append(seen)
        self._grow(ring, _cost(seen))
        while ring.size > self._most and len(ring.messages) > 1:
            # The INVITE and its answer explain a call; what goes is what came after them.
            third = min(2, len(ring.messages) - 2)
            self._grow(ring, -_cost(ring.messages[third]))
            del ring.messages[third]
        while self._size > self._total and len(self._rings) > 1:
            self._size -= self._rings.popitem(last=False)[1].size

    def take(self, call_id: str) -> list[Seen]:
        """What there is of this call, in order; forgotten with that."""
        ring = self._rings.pop(call_id, None)
        if ring is None:
            return []
        self._size -= ring.size
        return list(ring.messages)

    def _grow(self, ring: _Ring, by: int) -> None:
        ring.size += by
        self._size += by


def _cost(seen: Seen) -> int:
    return len(seen.data) + OVERHEAD_BYTES
