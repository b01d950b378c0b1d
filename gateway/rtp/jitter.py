"""The jitter buffer of every row: packets go in as they come, one frame of 20 ms comes out a beat.

A row's stream is cut into slots of 20 ms by RTP timestamp; ``play`` is the slot that the next
beat takes. A packet is early, in time, or late only by where its slot lies from there:

* in the window: it waits for its beat;
* a little late, while nothing newer was heard: the cursor goes back to it, so that it is heard
  after all, and ``depth`` grows by as much: from then on the row waits that much longer;
* a little late, and overtaken by what was heard: it is lost. In the peer's next silence, or after
  the third such packet, the row begins to wait as long as it would have taken;
* far off, while nothing is buffered: the stream begins anew there (silence suppression whose
  clock stood still, a new talker behind a PBX);
* far off, once, in the middle of a stream: a stray, dropped. Twice running: the stream jumped.

When for two seconds every packet came with time to spare, half of that is given back in the
peer's next silence. The same rule takes up a peer's faster clock; of one that is never silent a
frame is left out every ten seconds, as long as three are to spare.

Telephone codecs have an octet in every tick of 8 kHz: their slots lie in one array, and a packet
may be cut anywhere. What other codecs send is kept packet by packet, for its decoder to open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.rtp.outcomes import Pulled, Put, Source
from gateway.rtp.packet import HEADER, Headers

SLOT = 160  # octets of 20 ms of a telephone codec
EVENT, NOISE = 255, 254  # kinds of packets that are no sound: telephone event, comfort noise
SLOTS = 64  # remembered per row
_SEEN = 128  # sequence numbers remembered, to know a duplicate
_CALM = 100  # beats that must be calm before the depth shrinks
_LONG = 500  # beats after which a frame is left out of a peer that is never silent
_OFTEN = 3  # packets overtaken, after which the row waits longer even if the peer speaks
_RESTART = 3000  # a sequence number this far off begins a new count (RFC 3550 A.1)

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Form:
    """How one kind of packet is measured. ``ticks``: how long a payload sounds; None: an octet a
    tick."""

    clock: int = 8000  # Hz of its timestamps
    ticks: Callable[[bytes], int] | None = None


class Jitter:
    """``depth`` and ``most`` are frames: how long a packet waits at first, and at the longest.
    ``forms``: what the kinds of packets are."""

    def __init__(
        self, capacity: int, depth: int = 1, most: int = 10, forms: Sequence[Form] = (Form(),)
    ) -> None:
        self._forms = forms
        self._steps = np.array([form.clock // 50 for form in forms], np.int64)
        self._plain = np.array([form.ticks is None for form in forms])
        self._least, self._most = depth, max(depth, most)
        self._ring = np.zeros((capacity, SLOTS, SLOT), np.uint8)
        self._slot = np.full((capacity, SLOTS), -1, np.int64)  # which slot lies there
        self._fill = np.zeros((capacity, SLOTS), np.int16)  # and how much of it has come
        self._kind = np.zeros((capacity, SLOTS), np.uint8)  # and what kind it is
        self._packets: list[dict[int, list[tuple[int, bytes]]]] = [{} for _ in range(capacity)]
        self._seen = np.full((capacity, _SEEN), -1, np.int64)
        self.started = np.zeros(capacity, bool)
        self._ssrc = np.zeros(capacity, np.uint32)
        self._sequence = np.zeros(capacity, np.int64)  # the highest, unwrapped
        self._first = np.zeros(capacity, np.int64)
        self._got = np.zeros(capacity, np.int64)
        self._lost_before = np.zeros(capacity, np.int64)
        self._coming = np.full(capacity, EVENT, np.uint8)  # the kind of sound that comes now
        self._going = np.zeros(capacity, np.uint8)  # and that was last played
        self._step = np.full(capacity, SLOT, np.int64)  # ticks of its clock in a slot
        self._timestamp = np.zeros(capacity, np.int64)  # the newest, unwrapped
        self._origin = np.zeros(capacity, np.int64)  # the timestamp where slot 0 began
        self._odd = np.full(capacity, -1, np.int64)  # the sequence that would confirm a jump
        self._play = np.zeros(capacity, np.int64)
        self._high = np.zeros(capacity, np.int64)  # the newest slot
        self._depth = np.full(capacity, depth, np.int64)
        self._starved = np.zeros(capacity, np.int64)  # beats without a frame
        self._calm = np.zeros(capacity, np.int64)
        self._spare = np.full(capacity, SLOTS, np.int64)  # the least to spare while calm
        self._peak = np.zeros(capacity, np.int64)  # and the most
        self._played = np.full(capacity, -1, np.int64)  # the last slot that was there
        self._silent = np.full(capacity, -1, np.int64)  # the slot where the peer fell silent
        self._overtaken = np.zeros(capacity, np.int64)  # packets that came too late to be heard
        self._short = np.zeros(capacity, np.int64)  # and by how many beats, at the most
        self._transit = np.zeros(capacity)
        self.jitter_s = np.zeros(capacity)

    def forget(self, row: int, lost: int = 0) -> None:
        """A new line begins, or a new stream on it; ``lost`` is what was counted before."""
        self.started[row] = False
        self._lost_before[row] = lost
        self._first[row] = self._sequence[row] = self._got[row] = 0
        self._coming[row] = EVENT
        self._silent[row] = -1
        self._packets[row].clear()
        self.jitter_s[row] = 0

    def lost(self, rows: Rows) -> Rows:
        """Packets that were expected by their sequence numbers and have not come."""
        expected = np.where(self.started[rows], self._sequence[rows] - self._first[rows] + 1, 0)
        return self._lost_before[rows] + np.maximum(expected - self._got[rows], 0)

    def wait_ms(self, row: int) -> int:
        """How long a packet waits at present."""
        return int(self._depth[row]) * 20

    @property
    def most_ms(self) -> int:
        return self._most * 20

    def source(self, row: int) -> Source | None:
        """None: nothing has come yet."""
        if not self.started[row]:
            return None
        highest = int(self._sequence[row])
        expected = highest - int(self._first[row]) + 1
        return Source(int(self._ssrc[row]), highest, expected, int(self._got[row]))

    def put(self, rows: Rows, headers: Headers, data: npt.NDArray[np.uint8],
            kinds: npt.NDArray[np.uint8], now: float) -> Put:  # fmt: skip
        """Take a batch: at most one packet a row, of these ``kinds``: an index of ``forms``, EVENT
        (which is only counted) or NOISE. ``now`` is their arrival in seconds, for the
        interarrival jitter."""
        other = self.started[rows] & (self._ssrc[rows] != headers.ssrc)
        fresh = other | ~self.started[rows]
        if fresh.any():
            self._begin(rows[fresh], headers.ssrc[fresh], headers.sequence[fresh],
                        headers.timestamp[fresh])  # fmt: skip
        duplicate = self._count(rows, headers.sequence)
        use = ~duplicate & (headers.end > headers.start)
        late = np.zeros(len(rows), bool)
        if (noise := use & (kinds == NOISE)).any():
            self._fall_silent(rows[noise], headers.timestamp[noise])
        use &= kinds < len(self._forms)
        changed = use & (kinds != self._coming[rows])
        if changed.any():
            use &= self._change(rows, headers, kinds, changed)
        if use.all():
            late = self._place(rows, headers, data, kinds, now)
        elif use.any():
            late[use] = self._place(rows[use], headers.only(use), data[use], kinds[use], now)
        return Put(duplicate, late, other)

    def _begin(self, rows: Rows, ssrc: npt.NDArray[np.uint32], sequence: npt.NDArray[np.uint16],
               timestamp: npt.NDArray[np.uint32]) -> None:  # fmt: skip
        self._lost_before[rows] = self.lost(rows)
        self.started[rows] = True
        self._ssrc[rows] = ssrc
        self._restart(rows, sequence.astype(np.int64))
        self._timestamp[rows] = timestamp
        self._depth[rows] = self._least
        self._coming[rows] = EVENT
        self._resync(rows, self._timestamp[rows])
        self._transit[rows] = np.nan

    def _change(self, rows: Rows, headers: Headers, kinds: npt.NDArray[np.uint8],
                changed: Mask) -> Mask:  # fmt: skip
        """The peer sends another kind of sound than before: on the same clock that changes
        nothing; on another, the new stream is joined to the end of what is buffered. Returns
        which packets can be used: not a straggler of the kind before."""
        steps = np.where(changed, self._steps[np.minimum(kinds, len(self._forms) - 1)],
                         self._step[rows])  # fmt: skip
        first = changed & (self._coming[rows] == EVENT)
        another = changed & ~first & (steps != self._step[rows])
        old = another & (headers.sequence != self._sequence[rows].astype(np.uint16))
        another &= ~old
        for chosen in (first, another):
            its, timestamp = rows[chosen], headers.timestamp[chosen].astype(np.int64)
            self._step[its] = steps[chosen]
            self._timestamp[its] = timestamp
            self._transit[its] = np.nan
        self._resync(rows[first], self._timestamp[rows[first]])
        its = rows[another]
        dry = self._high[its] < self._play[its] - 1
        at = np.where(dry, self._play[its] + self._depth[its], self._high[its] + 1)
        self._origin[its] = self._timestamp[its] - at * self._step[its]
        self._odd[its] = -1
        self._coming[rows[changed & ~old]] = kinds[changed & ~old]
        return np.asarray(~old)

    def _fall_silent(self, rows: Rows, timestamp: npt.NDArray[np.uint32]) -> None:
        """Comfort noise from this timestamp on, until there is sound."""
        ahead = (timestamp - self._timestamp[rows].astype(np.uint32)).view(np.int32)
        slot = (self._timestamp[rows] + ahead - self._origin[rows]) // self._step[rows]
        play = self._play[rows]
        self._silent[rows] = np.clip(slot, play, np.maximum(self._high[rows] + 1, play))

    def _restart(self, rows: Rows, sequence: Rows) -> None:
        """Count from this sequence number on."""
        self._sequence[rows] = self._first[rows] = sequence
        self._got[rows] = 0
        self._seen[rows] = -1

    def _resync(self, rows: Rows, timestamp: Rows) -> None:
        """Let the stream begin at this (unwrapped) timestamp, ``depth`` beats from now."""
        self._origin[rows] = timestamp - (self._play[rows] + self._depth[rows]) * self._step[rows]
        self._high[rows] = self._play[rows] + self._depth[rows]
        self._slot[rows] = -1
        self._odd[rows] = -1
        self._starved[rows] = 0
        self._calm[rows] = 0
        self._spare[rows] = SLOTS
        self._peak[rows] = 0
        self._overtaken[rows] = self._short[rows] = 0

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

    def _place(self, rows: Rows, headers: Headers, data: npt.NDArray[np.uint8],
               kinds: npt.NDArray[np.uint8], now: float) -> Mask:  # fmt: skip
        known = self._timestamp[rows]
        ahead = (headers.timestamp - known.astype(np.uint32)).view(np.int32)
        timestamp, step = known + ahead, self._step[rows]
        slot = (timestamp - self._origin[rows]) // step
        play = self._play[rows]

        empty = self._high[rows] < play
        off = (slot < play - (self._most - self._depth[rows])) | (slot > play + SLOTS // 2)
        confirmed = self._odd[rows] == headers.sequence
        anew = (empty & headers.marker & (slot != play + self._depth[rows])) | (
            off & (empty & (self._starved[rows] > self._most) | confirmed)
        )
        if anew.any():
            self._resync(rows[anew], timestamp[anew])
            slot = (timestamp - self._origin[rows]) // step
        stray = off & ~anew
        self._odd[rows] = np.where(stray, (headers.sequence.astype(np.int64) + 1) % 65536, -1)

        late = ~anew & (slot < play)
        passed = late & ~stray & (slot <= self._played[rows])
        its = rows[passed]
        self._overtaken[its] += 1
        self._short[its] = np.maximum(self._short[its], (play - slot)[passed])
        self._wait_longer(rows, np.where(late & ~stray & ~passed, play - slot, 0))

        keep = ~stray & ~passed
        kept = rows[keep]
        self._timestamp[kept] = np.maximum(self._timestamp[kept], timestamp[keep])
        self._timestamp[rows[anew]] = timestamp[anew]
        self._measure(kept, timestamp[keep], now)
        plain = keep & (headers.start == HEADER) & (headers.end == HEADER + SLOT)
        plain &= (timestamp - self._origin[rows] == slot * step) & self._plain[kinds]
        r, s = rows[plain], slot[plain]
        self._ring[r, s % SLOTS] = data[plain, HEADER : HEADER + SLOT]
        self._slot[r, s % SLOTS] = s
        self._fill[r, s % SLOTS] = SLOT
        self._kind[r, s % SLOTS] = kinds[plain]
        self._high[r] = np.maximum(self._high[r], s)
        for i in np.flatnonzero(keep & ~plain):
            row = int(rows[i])
            offset = int(timestamp[i] - self._origin[row])
            self._split(row, offset, data[i, headers.start[i] : headers.end[i]], int(kinds[i]))
        return np.asarray(late | (stray & (ahead < 0)))

    def _wait_longer(self, rows: Rows, beats: Rows) -> None:
        self._play[rows] -= beats
        self._depth[rows] += beats
        grew = rows[beats > 0]
        self._calm[grew], self._spare[grew] = 0, SLOTS
        self._overtaken[grew] = self._short[grew] = 0

    def _split(self, row: int, offset: int, payload: npt.NDArray[np.uint8], kind: int) -> None:
        """A packet of another length than 20 ms, off the grid, or for its decoder to open."""
        step, play = int(self._step[row]), int(self._play[row])
        ticks, first = self._forms[kind].ticks, offset // step
        length = len(payload)
        if ticks:
            length = ticks(octets := payload.tobytes())
            if length and play <= first < play + SLOTS:
                packets = self._packets[row].setdefault(first, [])
                packets.append((offset - first * step, octets))
        at = 0
        while at < length:
            slot, inside = divmod(offset + at, step)
            size = min(step - inside, length - at)
            if play <= slot < play + SLOTS:
                place = slot % SLOTS
                if self._slot[row, place] != slot:
                    self._slot[row, place], self._fill[row, place] = slot, 0
                if not ticks:
                    self._ring[row, place, inside : inside + size] = payload[at : at + size]
                self._fill[row, place] += size
                self._kind[row, place] = kind
                self._high[row] = max(self._high[row], slot)
            at += size

    def _measure(self, rows: Rows, timestamp: Rows, now: float) -> None:
        """RFC 3550 section 6.4.1; arrival is known to the beat."""
        transit = now - timestamp / (50 * self._step[rows])
        difference = np.abs(transit - self._transit[rows])
        self._transit[rows] = transit
        self.jitter_s[rows] += np.where(
            np.isnan(difference) | (difference > 1), 0, (difference - self.jitter_s[rows]) / 16
        )

    def skip(self, rows: Rows, beats: int) -> None:
        """Beats were missed: what they would have played is past. Call after ``put``, because
        the packets of that time have only now been read."""
        self._play[rows] += np.where(self.started[rows], beats, 0)

    def pull(self, rows: Rows, quiet: Mask) -> Pulled:
        """The frame of this beat for each row. ``quiet`` rows are not speaking, so that a frame
        may be left out unheard."""
        skipped = self._shrink(rows, quiet)
        overtaken = self._overtaken[rows]
        grow = (overtaken >= _OFTEN) | ((overtaken > 0) & quiet)
        room = np.maximum(self._most - self._depth[rows], 0)
        self._wait_longer(rows, np.where(grow, np.minimum(self._short[rows], room), 0))
        play = self._play[rows]
        place = play % SLOTS
        kinds = self._kind[rows, place]
        there = (self._slot[rows, place] == play) & (self._fill[rows, place] >= self._steps[kinds])
        there &= self.started[rows] & (play > self._played[rows])  # nothing is heard twice
        kinds = np.where(there, kinds, self._going[rows])
        self._going[rows] = kinds
        self._starved[rows] = np.where(there, 0, self._starved[rows] + 1)
        self._played[rows[there]] = play[there]
        silent = self._silent[rows]
        comfort = ~there & (silent > self._played[rows]) & (silent <= play)
        self._play[rows] += self.started[rows]
        return Pulled(self._ring[rows, place], there, kinds, comfort, skipped)

    def packets(self, row: int) -> tuple[int, list[tuple[int, bytes]]]:
        """The slot that was pulled last and the packets that begin in it: how many ticks after it
        does, and the payload. For kinds that are kept packet by packet."""
        play, packets = int(self._play[row]) - 1, self._packets[row]
        if len(packets) > SLOTS:  # slots that were skipped
            self._packets[row] = packets = {at: its for at, its in packets.items() if at >= play}
        found = packets.pop(play, [])
        found.sort()
        return play, found

    def following(self, rows: Rows) -> tuple[npt.NDArray[np.uint8], Mask]:
        """The frames right after those that were pulled last, of kinds with an octet a tick, and
        which of them are there."""
        play = self._play[rows]
        place = play % SLOTS
        there = (self._slot[rows, place] == play) & (self._fill[rows, place] == SLOT)
        return self._ring[rows, place], there & self._plain[self._kind[rows, place]]

    def past(self, row: int, most: int) -> npt.NDArray[np.uint8]:
        """The last frames that were pulled (n x 160, the oldest first), as many as came one after
        another in the kind that was pulled last. For kinds with an octet a tick."""
        play, kind = int(self._play[row]), self._going[row]
        slots = np.arange(play - most, play)
        place = slots % SLOTS
        there = (self._slot[row, place] == slots) & (self._fill[row, place] >= self._steps[kind])
        there &= (self._kind[row, place] == kind) & self._plain[kind] & (slots >= 0)
        first = int(np.flatnonzero(~there)[-1]) + 1 if not there.all() else 0
        return np.asarray(self._ring[row, place[first:]])

    def next_packet(self, row: int) -> bytes | None:
        """What comes right after the slot that was pulled last, if it is there."""
        its = self._packets[row].get(int(self._play[row]), [])
        return next((octets for offset, octets in its if not offset), None)

    def _shrink(self, rows: Rows, quiet: Mask) -> Mask:
        wait = self._high[rows] - self._play[rows]
        spare = np.minimum(self._spare[rows], wait)
        peak = np.maximum(self._peak[rows], wait)
        self._spare[rows], self._peak[rows] = spare, peak
        calm = self._calm[rows] + 1
        over = calm >= _CALM
        excess = np.maximum(spare - self._least + 1, 0)
        surplus = np.where(
            over & quiet, excess // 2, np.where((calm >= _LONG) & (excess > 2), 1, 0)
        )
        self._play[rows] += surplus
        self._depth[rows] = np.maximum(self._depth[rows] - surplus, self._least)
        # A row that is waiting for a pause to skip in keeps what it has learnt, for a while.
        done = over & ((spare <= self._least) | quiet | (calm >= _LONG))
        # A peer's slower clock is no reason to wait longer for ever: nothing waits as long now.
        self._depth[rows[done]] = np.maximum(np.minimum(self._depth[rows], peak), self._least)[done]
        self._calm[rows] = np.where(done, 0, calm)
        self._spare[rows[done]], self._peak[rows[done]] = SLOTS, 0
        return np.asarray((surplus > 0) & ~quiet)
