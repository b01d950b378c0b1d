"""The jitter buffer of every row: packets go in as they come, one frame of 20 ms comes out a beat.

A row's stream is cut into slots of 160 samples by RTP timestamp; ``play`` is the slot that the
next beat takes. A packet is early, in time, or late only by where its slot lies from there:

* in the window: it waits for its beat;
* a little late: the cursor goes back to it, so that it is heard after all, and ``depth`` grows
  by as much: from then on the row waits that much longer;
* far off, while nothing is buffered: the stream begins anew there (silence suppression whose
  clock stood still, a new talker behind a PBX);
* far off, once, in the middle of a stream: a stray, dropped. Twice running: the stream jumped.

When for two seconds every packet came with time to spare, half of that is given back in the
peer's next silence. The same rule takes up a peer's faster clock.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.rtp.packet import HEADER, Headers

SLOT = 160  # samples, and bytes, of 20 ms of G.711
SLOTS = 64  # remembered per row
_SEEN = 128  # sequence numbers remembered, to know a duplicate
_CALM = 100  # beats that must be calm before the depth shrinks
_RESTART = 3000  # a sequence number this far off begins a new count (RFC 3550 A.1)

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Put:
    """What became of each packet of a batch."""

    duplicate: Mask
    late: Mask
    other: Mask  # the first of another stream than before: a new SSRC


@dataclass(frozen=True)
class Source:
    """Of a row's present stream: what a receiver report tells (RFC 3550 A.3)."""

    ssrc: int
    highest: int  # sequence number, unwrapped
    expected: int  # packets
    got: int


class Jitter:
    """``depth`` and ``most`` are frames: how long a packet waits at first, and at the longest."""

    def __init__(self, capacity: int, depth: int = 1, most: int = 10) -> None:
        self._least, self._most = depth, max(depth, most)
        self._ring = np.zeros((capacity, SLOTS, SLOT), np.uint8)
        self._slot = np.full((capacity, SLOTS), -1, np.int64)  # which slot lies there
        self._fill = np.zeros((capacity, SLOTS), np.int16)  # and how much of it has come
        self._seen = np.full((capacity, _SEEN), -1, np.int64)
        self.started = np.zeros(capacity, bool)
        self._ssrc = np.zeros(capacity, np.uint32)
        self._sequence = np.zeros(capacity, np.int64)  # the highest, unwrapped
        self._first = np.zeros(capacity, np.int64)
        self._got = np.zeros(capacity, np.int64)
        self._lost_before = np.zeros(capacity, np.int64)
        self._timestamp = np.zeros(capacity, np.int64)  # the newest, unwrapped
        self._origin = np.zeros(capacity, np.int64)  # the timestamp where slot 0 began
        self._odd = np.full(capacity, -1, np.int64)  # the sequence that would confirm a jump
        self._play = np.zeros(capacity, np.int64)
        self._high = np.zeros(capacity, np.int64)  # the newest slot
        self._depth = np.full(capacity, depth, np.int64)
        self._starved = np.zeros(capacity, np.int64)  # beats without a frame
        self._calm = np.zeros(capacity, np.int64)
        self._spare = np.full(capacity, SLOTS, np.int64)  # the least to spare while calm
        self._transit = np.zeros(capacity)
        self.jitter_s = np.zeros(capacity)

    def forget(self, row: int, lost: int = 0) -> None:
        """A new line begins, or a new stream on it; ``lost`` is what was counted before."""
        self.started[row] = False
        self._lost_before[row] = lost
        self._first[row] = self._sequence[row] = self._got[row] = 0
        self.jitter_s[row] = 0

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

    def put(self, rows: Rows, headers: Headers, data: npt.NDArray[np.uint8],
            audio: Mask, now: float) -> Put:  # fmt: skip
        """Take a batch: at most one packet a row. Those not ``audio`` (telephone events) are only
        counted; ``now`` is their arrival in seconds, for the interarrival jitter."""
        other = self.started[rows] & (self._ssrc[rows] != headers.ssrc)
        fresh = other | ~self.started[rows]
        if fresh.any():
            self._begin(rows[fresh], headers.ssrc[fresh], headers.sequence[fresh],
                        headers.timestamp[fresh])  # fmt: skip
        duplicate = self._count(rows, headers.sequence)
        use = audio & ~duplicate & (headers.end > headers.start)
        late = np.zeros(len(rows), bool)
        if use.any():
            late[use] = self._place(rows[use], headers.only(use), data[use], now)
        return Put(duplicate, late, other)

    def _begin(self, rows: Rows, ssrc: npt.NDArray[np.uint32], sequence: npt.NDArray[np.uint16],
               timestamp: npt.NDArray[np.uint32]) -> None:  # fmt: skip
        self._lost_before[rows] = self.lost(rows)
        self.started[rows] = True
        self._ssrc[rows] = ssrc
        self._restart(rows, sequence.astype(np.int64))
        self._timestamp[rows] = timestamp
        self._depth[rows] = self._least
        self._resync(rows, self._timestamp[rows])
        self._transit[rows] = np.nan

    def _restart(self, rows: Rows, sequence: Rows) -> None:
        """Count from this sequence number on."""
        self._sequence[rows] = self._first[rows] = sequence
        self._got[rows] = 0
        self._seen[rows] = -1

    def _resync(self, rows: Rows, timestamp: Rows) -> None:
        """Let the stream begin at this (unwrapped) timestamp, ``depth`` beats from now."""
        self._origin[rows] = timestamp - (self._play[rows] + self._depth[rows]) * SLOT
        self._high[rows] = self._play[rows] + self._depth[rows]
        self._slot[rows] = -1
        self._odd[rows] = -1
        self._starved[rows] = 0
        self._calm[rows] = 0
        self._spare[rows] = SLOTS

    def _count(self, rows: Rows, sequence: npt.NDArray[np.uint16]) -> Mask:
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

    def _place(self, rows: Rows, headers: Headers, data: npt.NDArray[np.uint8], now: float) -> Mask:
        known = self._timestamp[rows]
        ahead = (headers.timestamp - known.astype(np.uint32)).view(np.int32)
        timestamp = known + ahead
        slot = (timestamp - self._origin[rows]) // SLOT
        play = self._play[rows]

        empty = self._high[rows] < play
        off = (slot < play - (self._most - self._depth[rows])) | (slot > play + SLOTS // 2)
        confirmed = self._odd[rows] == headers.sequence
        anew = (empty & headers.marker & (slot != play + self._depth[rows])) | (
            off & (empty & (self._starved[rows] > self._most) | confirmed)
        )
        if anew.any():
            self._resync(rows[anew], timestamp[anew])
            slot = (timestamp - self._origin[rows]) // SLOT
        stray = off & ~anew
        self._odd[rows] = np.where(stray, (headers.sequence.astype(np.int64) + 1) % 65536, -1)

        late = ~anew & (slot < play)
        back = np.where(late & ~stray, play - slot, 0)
        self._play[rows] -= back
        self._depth[rows] += back
        grew = rows[back > 0]
        self._calm[grew], self._spare[grew] = 0, SLOTS

        keep = ~stray
        kept = rows[keep]
        self._timestamp[kept] = np.maximum(self._timestamp[kept], timestamp[keep])
        self._timestamp[rows[anew]] = timestamp[anew]
        self._measure(kept, timestamp[keep], now)
        plain = keep & (headers.start == HEADER) & (headers.end == HEADER + SLOT)
        plain &= (timestamp - self._origin[rows]) % SLOT == 0
        r, s = rows[plain], slot[plain]
        self._ring[r, s % SLOTS] = data[plain, HEADER : HEADER + SLOT]
        self._slot[r, s % SLOTS] = s
        self._fill[r, s % SLOTS] = SLOT
        self._high[r] = np.maximum(self._high[r], s)
        for i in np.flatnonzero(keep & ~plain):
            row = int(rows[i])
            offset = int(timestamp[i] - self._origin[row])
            self._split(row, offset, data[i, headers.start[i] : headers.end[i]])
        return np.asarray(late | (stray & (ahead < 0)))

    def _split(self, row: int, offset: int, payload: npt.NDArray[np.uint8]) -> None:
        """A packet of another length than 20 ms, or off the grid: piece by piece."""
        at = 0
        while at < len(payload):
            slot, inside = divmod(offset + at, SLOT)
            size = min(SLOT - inside, len(payload) - at)
            if self._play[row] <= slot < self._play[row] + SLOTS:
                place = slot % SLOTS
                if self._slot[row, place] != slot:
                    self._slot[row, place], self._fill[row, place] = slot, 0
                self._ring[row, place, inside : inside + size] = payload[at : at + size]
                self._fill[row, place] += size
                self._high[row] = max(self._high[row], slot)
            at += size

    def _measure(self, rows: Rows, timestamp: Rows, now: float) -> None:
        """RFC 3550 section 6.4.1, at 8 kHz; arrival is known to the beat."""
        transit = now - timestamp / 8000
        difference = np.abs(transit - self._transit[rows])
        self._transit[rows] = transit
        self.jitter_s[rows] += np.where(
            np.isnan(difference) | (difference > 1), 0, (difference - self.jitter_s[rows]) / 16
        )

    def skip(self, rows: Rows, beats: int) -> None:
        """Beats were missed: what they would have played is past. Call after ``put``, because
        the packets of that time have only now been read."""
        self._play[rows] += np.where(self.started[rows], beats, 0)

    def pull(self, rows: Rows, quiet: Mask) -> tuple[npt.NDArray[np.uint8], Mask]:
        """The frame of this beat for each row: payloads (rows x 160) and which of them have come.
        ``quiet`` rows are not speaking, so that a frame may be left out unheard."""
        self._shrink(rows, quiet)
        play = self._play[rows]
        place = play % SLOTS
        there = (self._slot[rows, place] == play) & (self._fill[rows, place] == SLOT)
        there &= self.started[rows]
        self._starved[rows] = np.where(there, 0, self._starved[rows] + 1)
        self._play[rows] += self.started[rows]
        return self._ring[rows, place], there

    def _shrink(self, rows: Rows, quiet: Mask) -> None:
        spare = np.minimum(self._spare[rows], self._high[rows] - self._play[rows])
        self._spare[rows] = spare
        calm = self._calm[rows] + 1
        over = calm >= _CALM
        surplus = np.where(over & quiet, np.maximum(spare - self._least + 1, 0) // 2, 0)
        self._play[rows] += surplus
        self._depth[rows] = np.maximum(self._depth[rows] - surplus, self._least)
        # A row that is waiting for a pause to skip in keeps what it has learnt.
        done = over & ((spare <= self._least) | quiet)
        self._calm[rows] = np.where(done, 0, calm)
        self._spare[rows[done]] = SLOTS
