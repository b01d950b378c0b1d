"""What a peer sends while it goes from one SRTP key to the next.

A new key arrives in a description, on another way than the sound: packets under the old one are
still on theirs, and the peer may send more of them until it has our answer (RFC 4568 section
7.1.4). Whether its roll-over counter goes on or begins anew with the key no RFC says clearly, and
stacks differ; the seal shows which it is.
"""

from gateway.rtp.srtp import Broken, Receiving, Suite

_PROVEN = 50  # packets under the new key, a second or so: nothing of the old one comes any more


class Rekeyed:
    """The same as ``Receiving``, of a peer that had another key ``before``."""

    def __init__(self, suite: Suite, key: bytes, before: "Receiving | Rekeyed") -> None:
        if isinstance(before, Rekeyed):  # of which the newer key may not have been used yet
            before = before.in_use
        self._now = Receiving(suite, key)
        self._before: Receiving | None = before
        self._goes_on: Receiving | None = None
        if before.index >> 16 > 0:  # or else both begin at 0
            self._goes_on = Receiving(suite, key, before.ssrc, before.index)
        self._opened = 0

    @property
    def in_use(self) -> Receiving:
        """That of the key under which something has come."""
        return self._before if self._before and self._now.index < 0 else self._now

    @property
    def ssrc(self) -> int:
        return self._now.ssrc

    @property
    def index(self) -> int:
        """The highest under the new key; -1: none yet."""
        return self._now.index

    def open(self, packet: bytes | memoryview) -> memoryview:
        """See ``Receiving.open``."""
        try:
            opened = self._by_new_key(packet)
        except Broken:
            if self._before is None:
                raise
            return self._before.open(packet)
        self._opened += 1
        if self._opened == _PROVEN:
            self._before = None
        return opened

    def _by_new_key(self, packet: bytes | memoryview) -> memoryview:
        try:
            opened = self._now.open(packet)
        except Broken:
            if self._goes_on is None:
                raise
            opened = self._goes_on.open(packet)
            self._now = self._goes_on
        self._goes_on = None
        return opened

    def report(self, packet: bytes) -> memoryview:
        """See ``Receiving.report``."""
        try:
            return self._now.report(packet)
        except Broken:
            if self._before is None:
                raise
            return self._before.report(packet)
