"""What waits in the jitter buffer: of every row the slots of 20 ms, and what has come for each.

Telephone codecs have an octet in every tick of 8 kHz: their slots lie in one array, and a packet
may be cut anywhere. What other codecs send is kept packet by packet, for its decoder to open.
"""

import numpy as np
import numpy.typing as npt

SLOT = 160  # octets of 20 ms of a telephone codec
SLOTS = 64  # remembered per row: a power of two

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class Slots:
    """``steps``: by kind of sound, how many ticks fill a slot. All rows' slots lie one after
    another, in cells; ``octets`` is what is in them, of telephone codecs."""

    def __init__(self, capacity: int, steps: Rows) -> None:
        self._steps = steps
        self.octets = np.zeros((capacity * SLOTS, SLOT), np.uint8)
        self._slot = np.full(capacity * SLOTS, -1, np.int64)  # which slot lies there
        self._fill = np.zeros(capacity * SLOTS, np.int16)  # and how much of it has come
        self._kind = np.zeros(capacity * SLOTS, np.uint8)  # and what kind it is
        self._packets: list[dict[int, list[tuple[int, bytes]]]] = [{} for _ in range(capacity)]

    def forget(self, row: int) -> None:
        """Packets that were kept whole."""
        self._packets[row].clear()

    def clear(self, rows: Rows) -> None:
        self._slot.reshape(-1, SLOTS)[rows] = -1

    def fill(self, rows: Rows, slots: Rows, ticks: Rows | int, kinds: Bytes) -> Rows:
        """So much of these slots has come; returns the cells, for ``octets`` to be put into."""
        cell = _cell(rows, slots)
        self._slot[cell], self._fill[cell], self._kind[cell] = slots, ticks, kinds
        return cell

    def add(self, row: int, slot: int, kind: int, inside: int, ticks: int,
            octets: Bytes | None) -> None:  # fmt: skip
        """Part of a slot, from the tick ``inside`` on."""
        cell = row * SLOTS + slot % SLOTS
        if self._slot[cell] != slot:
            self._slot[cell], self._fill[cell] = slot, 0
        if octets is not None:
            self.octets[cell, inside : inside + ticks] = octets
        self._fill[cell] += ticks
        self._kind[cell] = kind

    def at(self, rows: Rows, slots: Rows) -> tuple[Rows, Bytes, Mask]:
        """The cells of these slots, what kinds of sound they have, and which are full."""
        cell = _cell(rows, slots)
        kinds = self._kind.take(cell)
        there = (self._slot.take(cell) == slots) & (self._fill.take(cell) >= self._steps[kinds])
        return cell, kinds, there

    def keep(self, row: int, slot: int, offset: int, octets: bytes) -> None:
        """A whole packet that begins so many ticks after its slot."""
        self._packets[row].setdefault(slot, []).append((offset, octets))

    def take(self, row: int, slot: int) -> list[tuple[int, bytes]]:
        """The packets that begin in this slot, in order; those before it are of no use now."""
        packets = self._packets[row]
        if len(packets) > SLOTS:  # slots that were skipped
            packets = {at: its for at, its in packets.items() if at >= slot}
            self._packets[row] = packets
        return sorted(packets.pop(slot, []))

    def first(self, row: int, slot: int) -> bytes | None:
        """The packet that begins right where this slot does."""
        its = self._packets[row].get(slot, [])
        return next((octets for offset, octets in its if not offset), None)


def _cell(rows: Rows, slots: Rows) -> Rows:
    """Where a row's slot lies."""
    return np.asarray(rows * SLOTS + (slots & SLOTS - 1))
