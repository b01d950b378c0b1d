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
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.media.lines import Lines

Source = tuple[Any, ...]  # as recvfrom gives it: host, port, and for IPv6 two numbers more


class Peers:
    """``target`` is where each row sends to, or None; ``relearn_s`` 0 means never; ``learn_s`` is
    how long after its description a peer may turn up elsewhere, 0: for ever."""

    def __init__(self, lines: Lines, relearn_s: float = 5.0, learn_s: float = 30.0) -> None:
        self._lines = lines
        self._relearn_s, self._learn_s = relearn_s, learn_s
        self._settled_at = np.zeros(lines.capacity)
        self._locked: list[Source | None] = [None] * lines.capacity
        self._said: list[tuple[int, bytes, int] | None] = [None] * lines.capacity  # by the SDP
        self._told: list[Source | None] = [None] * lines.capacity  # the same, as a source
        self.target: list[Source | None] = [None] * lines.capacity

    def forget(self, row: int) -> None:
        self._locked[row] = self._said[row] = self._told[row] = self.target[row] = None

    def settle(self, row: int) -> None:
        """Main has changed the row's settings, or this process is new to the row."""
        lines = self._lines
        said = (int(lines["family"][row]), lines["address"][row].tobytes(), int(lines["port"][row]))
        learnt = _source(lines["peer_family"][row], lines["peer_address"][row],
                         lines["peer_port"][row])  # fmt: skip
        new_here = self._said[row] is None
        if not new_here and said != self._said[row]:
            lines["peer_family"][row] = 0
            learnt = None
        self._said[row] = said
        self._told[row] = _source(said[0], lines["address"][row], said[2])
        self._settled_at[row] = lines["beats_at"].max()
        self._locked[row] = learnt if new_here else None
        self.target[row] = learnt or self._told[row]

    def known(self, rows: npt.NDArray[np.int64], sources: list[Source]) -> npt.NDArray[np.bool_]:
        """Which datagrams came from where their row's peer is known to be."""
        locked = self._locked
        return np.fromiter(
            (locked[row] == source for row, source in zip(rows.tolist(), sources, strict=True)),
            bool,
            len(sources),
        )

    def learn(self, row: int, source: Source, now: float) -> bool:
        """A valid packet came from somewhere unknown: is this the peer?"""
        lines = self._lines
        if self._locked[row] is not None and source != self._told[row]:
            silent_s = now - float(lines["received_at"][row])
            if not self._relearn_s or silent_s < self._relearn_s:
                return False
        elif source != self._told[row] and self._closed(row, now):
            return False
        host = ip_address(source[0].partition("%")[0])
        lines["peer_address"][row] = 0
        lines["peer_address"][row, : len(host.packed)] = list(host.packed)
        lines["peer_port"][row] = source[1]
        lines["peer_family"][row] = host.version
        self._locked[row] = self.target[row] = source
        return True

    def _closed(self, row: int, now: float) -> bool:
        """Nobody came in time to whom the row could be given but who is described."""
        told = self._told[row]
        if told is None or not self._learn_s or now - self._settled_at[row] < self._learn_s:
            return False
        return ip_address(told[0]).is_global


def _source(family: int, address: npt.NDArray[np.uint8], port: int) -> Source | None:
    if not family or not port:
        return None
    host = ip_address(address[: 4 if family == 4 else 16].tobytes())
    if host.version == 4:
        return str(host), int(port)
    # The kernel writes an IPv4 address on an IPv6 socket with dots.
    name = f"::ffff:{host.ipv4_mapped}" if host.ipv4_mapped else str(host)
    return name, int(port), 0, 0
