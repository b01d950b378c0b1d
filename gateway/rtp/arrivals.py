"""What came of each row's stream, and what did not, by its sequence numbers (RFC 3550 A.1, A.3),
and how unevenly it came (section 6.4.1)."""

import numpy as np
import numpy.typing as npt

from gateway.rtp.outcomes import Source

_SEEN = 128  # sequence numbers remembered, to know a duplicate
_RESTART = 3000  # a sequence number this far off begins a new count (RFC 3550 A.1)

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Arrivals:
    def __init__(self, capacity: int) -> None:
        self.started = np.zeros(capacity, bool)
        self._ssrc = np.zeros(capacity, np.uint32)
        self._sequence = np.zeros(capacity, np.int64)  # the highest, unwrapped
        self._first = np.zeros(capacity, np.int64)
        self._got = np.zeros(capacity, np.int64)
        self._lost_before = np.zeros(capacity, np.int64)
        self._seen = np.full((capacity, _SEEN), -1, np.int32)
        self._transit = np.zeros(capacity)
        self.jitter_s = np.zeros(capacity)

    def forget(self, row: int, lost: int) -> None:
        self.started[row] = False
        self._lost_before[row] = lost
        self._first[row] = self._sequence[row] = self._got[row] = 0
        self.jitter_s[row] = 0

    def begin(self, rows: Rows, ssrc: npt.NDArray[np.uint32],
              sequence: npt.NDArray[np.uint16]) -> None:  # fmt: skip
        """Another stream than before, with this number."""
        self._lost_before[rows] = self.lost(rows)
        self.started[rows] = True
        self._ssrc[rows] = ssrc
        self._restart(rows, sequence.astype(np.int64))
        self.unmeasured(rows)

    def _restart(self, rows: Rows, sequence: Rows) -> None:
        """Count from this sequence number on."""
        self._sequence[rows] = self._first[rows] = sequence
        self._got[rows] = 0
        self._seen[rows] = -1

    def same(self, rows: Rows, ssrc: npt.NDArray[np.uint32]) -> Mask:
        """Rows whose stream has begun, and is this one."""
        return np.asarray(self.started[rows] & (self._ssrc[rows] == ssrc))

    def expected(self, rows: Rows) -> npt.NDArray[np.uint16]:
        """The sequence number after the highest."""
        return np.asarray((self._sequence[rows] + 1).astype(np.uint16))

    def left_out(self, rows: Rows, sequence: npt.NDArray[np.uint16]) -> Mask:
        """Which of these come after some that have not come. Call before they are counted."""
        return np.asarray((sequence - self.expected(rows)).view(np.int16) > 0)

    def count_expected(self, rows: Rows) -> None:
        """Packets of just that number came."""
        number = self._sequence[rows] + 1
        self._sequence[rows] = number
        self._got[rows] += 1
        self._seen[rows, number & _SEEN - 1] = number

    def count(self, rows: Rows, sequence: npt.NDArray[np.uint16]) -> Mask:
        """Unwrap the sequence numbers and keep the count; says which are duplicates."""
        high = self._sequence[rows]
        ahead = (sequence - high.astype(np.uint16)).view(np.int16).astype(np.int64)
        jumped = np.abs(ahead) > _RESTART
        if jumped.any():
            self._lost_before[rows[jumped]] = self.lost(rows[jumped])
            self._restart(rows[jumped], sequence[jumped].astype(np.int64))
            high, ahead = self._sequence[rows], np.where(jumped, 0, ahead)
        number = high + ahead
        duplicate = np.asarray(self._seen[rows, number % _SEEN] == number)
        self._seen[rows, number % _SEEN] = number
        self._sequence[rows] = np.maximum(high, number)
        self._first[rows] = np.minimum(self._first[rows], number)
        self._got[rows] += ~duplicate
        return duplicate

    def newest(self, rows: Rows, sequence: npt.NDArray[np.uint16]) -> Mask:
        """Which of the numbers just counted are the highest of their row."""
        return np.asarray(sequence == self._sequence[rows].astype(np.uint16))

    def lost(self, rows: Rows) -> Rows:
        """Packets that were expected by their sequence numbers and have not come."""
        expected = np.where(self.started[rows], self._sequence[rows] - self._first[rows] + 1, 0)
        return self._lost_before[rows] + np.maximum(expected - self._got[rows], 0)

    def source(self, row: int) -> Source | None:
        """None: nothing has come yet."""
        if not self.started[row]:
            return None
        highest = int(self._sequence[row])
        expected = highest - int(self._first[row]) + 1
        return Source(int(self._ssrc[row]), highest, expected, int(self._got[row]))

    def unmeasured(self, rows: Rows) -> None:
        """Timestamps begin anew: what comes next has no predecessor to be compared with."""
        self._transit[rows] = np.nan

    def measure(self, rows: Rows, sent_s: npt.NDArray[np.float64], now: float) -> None:
        """Section 6.4.1, of packets with this time by their timestamps; arrival is known to the
        beat."""
        transit = now - sent_s
        difference = np.abs(transit - self._transit[rows])
        self._transit[rows] = transit
        jitter_s = self.jitter_s[rows]
        change = np.where(difference <= 1, (difference - jitter_s) / 16, 0)  # of NaN, too, nothing
        self.jitter_s[rows] = jitter_s + change
