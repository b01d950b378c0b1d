"""Where each line's sound comes from and goes to: symmetric RTP (RFC 4961), for callers whose SDP
names an address that only exists behind their router.

The first valid packet tells where the peer really is; from then on only that source is heard,
until the peer's signalling changes something, or the source has been silent for long. If none
comes within a window after the signalling, only the described address is believed: unless that
is a private one, which says that the peer is behind a router and knows no better. Whoever was
quicker than the peer loses the line as soon as a valid packet comes from where the peer's
description says.
"""

from ipaddress import ip_address

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import (
    NOWHERE,
    WORDS,
    Address,
    Addresses,
    Source,
    address,
    host_of,
    port_of,
    same,
    unpack,
)
from gateway.media.lines import Lines


class Peers:
    """``target`` is where each row sends to; ``relearn_s`` 0 means never; ``learn_s`` is how long
    after its description a peer may turn up elsewhere, 0: for ever."""

    def __init__(self, lines: Lines, relearn_s: float = 5.0, learn_s: float = 30.0) -> None:
        self._lines = lines
        self._relearn_s, self._learn_s = relearn_s, learn_s
        self._settled_at = np.zeros(lines.capacity)
        self._said: list[tuple[int, bytes, int] | None] = [None] * lines.capacity  # by the SDP
        self._told = np.zeros((lines.capacity, WORDS), np.uint64)  # the same, as an address
        self._locked = np.zeros_like(self._told)
        self.target: Addresses = np.zeros_like(self._told)

    def forget(self, row: int) -> None:
        self._said[row] = None
        self._locked[row] = self._told[row] = self.target[row] = NOWHERE

    def settle(self, row: int) -> None:
        """Main has changed the row's settings, or this process is new to the row."""
        lines = self._lines
        said = (int(lines["family"][row]), lines["address"][row].tobytes(), int(lines["port"][row]))
        learnt = _address(int(lines["peer_family"][row]), lines["peer_address"][row].tobytes(),
                          int(lines["peer_port"][row]))  # fmt: skip
        new_here = self._said[row] is None
        if not new_here and said != self._said[row]:
            lines["peer_family"][row] = 0
            learnt = NOWHERE
        self._said[row] = said
        self._told[row] = _address(*said)
        self._settled_at[row] = lines["beats_at"].max()
        self._locked[row] = learnt if new_here else NOWHERE
        self.target[row] = learnt if learnt.any() else self._told[row]

    def where(self, row: int) -> Source | None:
        """The row's ``target``."""
        there = self.target[row]
        return unpack(there) if there.any() else None

    def known(self, rows: npt.NDArray[np.int64], sources: Addresses) -> npt.NDArray[np.bool_]:
        """Which datagrams came from where their row's peer is known to be."""
        return same(self._locked[rows], sources)

    def learn(self, row: int, source: Address, now: float) -> bool:
        """A valid packet came from somewhere unknown: is this the peer?"""
        lines = self._lines
        if not np.array_equal(source, self._told[row]):
            if self._locked[row].any():
                silent_s = now - float(lines["received_at"][row])
                if not self._relearn_s or silent_s < self._relearn_s:
                    return False
            elif self._closed(row, now):
                return False
        host = host_of(source)
        lines["peer_address"][row] = 0
        lines["peer_address"][row, : len(host.packed)] = list(host.packed)
        lines["peer_port"][row] = port_of(source)
        lines["peer_family"][row] = host.version
        self._locked[row] = self.target[row] = source
        return True

    def _closed(self, row: int, now: float) -> bool:
        """Nobody came in time to whom the row could be given but who is described."""
        told = self._told[row]
        if not told.any() or not self._learn_s or now - self._settled_at[row] < self._learn_s:
            return False
        return host_of(told).is_global


def _address(family: int, octets: bytes, port: int) -> Address:
    if not family or not port:
        return NOWHERE
    return address(ip_address(octets[: 4 if family == 4 else 16]), port)
