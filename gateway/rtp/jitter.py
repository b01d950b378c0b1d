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

What has come and waits is in ``Slots``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.rtp.arrivals import Arrivals
from gateway.rtp.outcomes import Pulled, Put, Source
from gateway.rtp.packet import HEADER, Headers
from gateway.rtp.slots import SLOT, SLOTS, Slots
from gateway.rtp.waiting import Waiting

EVENT, NOISE = 255, 254  # kinds of packets that are no sound: telephone event, comfort noise

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
_NOBODY: Rows = np.empty(0, np.int64)


@dataclass(frozen=True)
class Form:
    """How one kind of packet is measured. ``ticks``: how long a payload sounds; None: an octet a
    tick."""

    clock: int = 8000  # Hz of its timestamps
    ticks: Callable[[bytes], int] | None = None


class Jitter:
    """``depth`` and ``most`` are frames: how long a packet waits at first, and at the longest; see
    ``Waiting``. ``forms``: what the kinds of packets are."""

    def __init__(
        self, capacity: int, depth: int = 1, most: int = 10, forms: Sequence[Form] = (Form(),)
    ) -> None:
        self._forms = forms
        self._steps = np.array([form.clock // 50 for form in forms], np.int64)
        self._is_sound = np.arange(256) < len(forms)
        self._plain = np.zeros(256, bool)
        self._plain[: len(forms)] = [form.ticks is None for form in forms]
        self._slots = Slots(capacity, self._steps)
        self._arrivals = Arrivals(capacity)
        self._waiting = Waiting(capacity, depth, max(depth, most))
        self.started, self.jitter_s = self._arrivals.started, self._arrivals.jitter_s
        self._coming = np.full(capacity, EVENT, np.uint8)  # the kind of sound that comes now
        self._going = np.zeros(capacity, np.uint8)  # and that was last played
        self._step = np.full(capacity, SLOT, np.int64)  # ticks of its clock in a slot
        self._timestamp = np.zeros(capacity, np.int64)  # the newest, unwrapped
        self._origin = np.zeros(capacity, np.int64)  # the timestamp where slot 0 began
        self._odd = np.full(capacity, -1, np.int64)  # the sequence that would confirm a jump
        self._play = np.zeros(capacity, np.int64)
        self._high = np.zeros(capacity, np.int64)  # the newest slot
        self._starved = np.zeros(capacity, np.int64)  # beats without a frame
        self._played = np.full(capacity, -1, np.int64)  # the last slot that was there
        self._silent = np.full(capacity, -1, np.int64)  # the slot where the peer fell silent

    def forget(self, row: int, lost: int = 0) -> None:
        """A new line begins, or a new stream on it; ``lost`` is what was counted before."""
        self._arrivals.forget(row, lost)
        self._coming[row] = EVENT
        self._silent[row] = -1
        self._slots.forget(row)

    def lost(self, rows: Rows) -> Rows:
        """Packets that were expected by their sequence numbers and have not come."""
        return self._arrivals.lost(rows)

    def wait_ms(self, row: int) -> int:
        """How long a packet waits at present."""
        return int(self._waiting.depth[row]) * 20

    @property
    def most_ms(self) -> int:
        return self._waiting.most * 20

    def source(self, row: int) -> Source | None:
        """None: nothing has come yet."""
        return self._arrivals.source(row)

    def put(self, rows: Rows, headers: Headers, data: Bytes, kinds: Bytes, now: float) -> Put:
        """Take a batch: at most one packet a row, of these ``kinds``: an index of ``forms``, EVENT
        (which is only counted) or NOISE. ``now`` is their arrival in seconds, for the
        interarrival jitter."""
        usual = self._take_usual(rows, headers, data, kinds, now)
        none = np.zeros(len(rows), bool)
        if usual.all():
            return Put(none, none, none, _NOBODY)
        rest = ~usual
        its = self._take(rows[rest], headers.only(rest), data[rest], kinds[rest], now)
        put = Put(none, none.copy(), none.copy(), np.flatnonzero(rest))
        put.duplicate[rest], put.late[rest], put.other[rest] = its
        return put

    def _take_usual(self, rows: Rows, headers: Headers, data: Bytes, kinds: Bytes,
                    now: float) -> Mask:  # fmt: skip
        """Nearly every packet is the very next of its stream, 20 ms of the same kind of sound, and
        in time. Takes those, and says which they were."""
        arrivals = self._arrivals
        usual = arrivals.same(rows, headers.ssrc)
        usual &= arrivals.expected(rows) == headers.sequence
        usual &= (self._coming[rows] == kinds) & self._is_sound[kinds]
        step, slot, play = self._step[rows], self._high[rows] + 1, self._play[rows]
        timestamp = self._timestamp[rows] + step
        usual &= timestamp.astype(np.uint32) == headers.timestamp
        usual &= self._origin[rows] + slot * step == timestamp
        usual &= (slot - play).view(np.uint64) <= SLOTS // 2  # neither before ``play``
        if np.count_nonzero(headers.marker):
            usual &= ~headers.marker | (slot > play)
        plain = self._plain[kinds]
        size = headers.end - headers.start
        usual &= (size == SLOT) & (headers.start == HEADER) if plain.all() else (
            np.where(plain, (size == SLOT) & (headers.start == HEADER), size > 0)
        )  # fmt: skip
        if not plain.all():
            self._keep_usual(
                np.flatnonzero(usual & ~plain), rows, slot, headers, data, kinds, usual
            )

        at = np.flatnonzero(usual)
        if len(at) < len(rows):
            rows, kinds, plain = rows[at], kinds[at], plain[at]
            timestamp, step, slot = timestamp[at], step[at], slot[at]
        arrivals.count_expected(rows)
        arrivals.measure(rows, timestamp / (50 * step), now)
        self._timestamp[rows], self._high[rows] = timestamp, slot
        self._odd[rows] = -1
        cell = self._slots.fill(rows, slot, step, kinds)
        if not plain.all():
            at, cell = at[plain], cell[plain]
        if len(at) == len(data):
            self._slots.octets[cell] = data[:, HEADER : HEADER + SLOT]
        else:
            self._slots.octets[cell] = data[at, HEADER : HEADER + SLOT]
        return usual

    def _keep_usual(self, at: Rows, rows: Rows, slot: Rows, headers: Headers, data: Bytes,
                    kinds: Bytes, usual: Mask) -> None:  # fmt: skip
        """Of packets for their decoder to open, keep those that sound for 20 ms; the others are not
        ``usual``."""
        its = zip(at.tolist(), rows[at].tolist(), slot[at].tolist(), kinds[at].tolist(),
                  headers.start[at].tolist(), headers.end[at].tolist(), strict=True)  # fmt: skip
        for i, row, its_slot, kind, start, end in its:
            form, octets = self._forms[kind], data[i, start:end].tobytes()
            if form.ticks and form.ticks(octets) * 50 == form.clock:
                self._slots.keep(row, its_slot, 0, octets)
            else:
                usual[i] = False

    def _take(self, rows: Rows, headers: Headers, data: Bytes, kinds: Bytes,
              now: float) -> tuple[Mask, Mask, Mask]:  # fmt: skip
        """Any packets; see ``Put``."""
        fresh = ~self._arrivals.same(rows, headers.ssrc)
        other = fresh & self.started[rows]
        self._waiting.miss(rows[~fresh & self._arrivals.left_out(rows, headers.sequence)])
        if fresh.any():
            self._begin(rows[fresh], headers.only(fresh))
        duplicate = self._arrivals.count(rows, headers.sequence)
        use = ~duplicate & (headers.end > headers.start)
        if (noise := use & (kinds == NOISE)).any():
            self._fall_silent(rows[noise], headers.timestamp[noise])
        use &= self._is_sound[kinds]
        changed = use & (kinds != self._coming[rows])
        if changed.any():
            use &= self._change(rows, headers, kinds, changed)
        late = np.zeros(len(rows), bool)
        if use.any():
            late[use] = self._place(rows[use], headers.only(use), data[use], kinds[use], now)
        return duplicate, late, other

    def _begin(self, rows: Rows, headers: Headers) -> None:
        self._arrivals.begin(rows, headers.ssrc, headers.sequence)
        self._timestamp[rows] = headers.timestamp
        self._waiting.begin(rows)
        self._coming[rows] = EVENT
        self._resync(rows, self._timestamp[rows])

    def _change(self, rows: Rows, headers: Headers, kinds: Bytes, changed: Mask) -> Mask:
        """The peer sends another kind of sound than before: on the same clock that changes
        nothing; on another, the new stream is joined to the end of what is buffered. Returns
        which packets can be used: not a straggler of the kind before."""
        steps = np.where(changed, self._steps[np.minimum(kinds, len(self._forms) - 1)],
                         self._step[rows])  # fmt: skip
        first = changed & (self._coming[rows] == EVENT)
        another = changed & ~first & (steps != self._step[rows])
        old = another & ~self._arrivals.newest(rows, headers.sequence)
        another &= ~old
        for chosen in (first, another):
            its, timestamp = rows[chosen], headers.timestamp[chosen].astype(np.int64)
            self._step[its] = steps[chosen]
            self._timestamp[its] = timestamp
            self._arrivals.unmeasured(its)
        self._resync(rows[first], self._timestamp[rows[first]])
        its = rows[another]
        dry = self._high[its] < self._play[its] - 1
        at = np.where(dry, self._play[its] + self._waiting.depth[its], self._high[its] + 1)
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

    def _resync(self, rows: Rows, timestamp: Rows) -> None:
        """Let the stream begin at this (unwrapped) timestamp, ``depth`` beats from now."""
        first = self._play[rows] + self._waiting.depth[rows]
        self._origin[rows] = timestamp - first * self._step[rows]
        self._high[rows] = first
        self._slots.clear(rows)
        self._odd[rows] = -1
        self._starved[rows] = 0
        self._waiting.watch(rows)

    def _place(self, rows: Rows, headers: Headers, data: Bytes, kinds: Bytes, now: float) -> Mask:
        """Into its slot, or nowhere; which came late."""
        known = self._timestamp[rows]
        ahead = (headers.timestamp - known.astype(np.uint32)).view(np.int32)
        timestamp, step = known + ahead, self._step[rows]
        slot = (timestamp - self._origin[rows]) // step
        play, depth = self._play[rows], self._waiting.depth[rows]

        empty = self._high[rows] < play
        off = (slot < play - (self._waiting.most - depth)) | (slot > play + SLOTS // 2)
        confirmed = self._odd[rows] == headers.sequence
        anew = (empty & headers.marker & (slot != play + depth)) | (
            off & (empty & (self._starved[rows] > self._waiting.most) | confirmed)
        )
        if anew.any():
            self._resync(rows[anew], timestamp[anew])
            slot = (timestamp - self._origin[rows]) // step
        stray = off & ~anew
        self._odd[rows] = np.where(stray, (headers.sequence.astype(np.int64) + 1) % 65536, -1)

        late = ~anew & (slot < play)
        passed = late & ~stray & (slot <= self._played[rows])
        self._waiting.overtake(rows[passed], (play - slot)[passed])
        self._wait_longer(rows, np.where(late & ~stray & ~passed, play - slot, 0))

        keep = ~stray & ~passed
        kept = rows[keep]
        self._timestamp[kept] = np.maximum(self._timestamp[kept], timestamp[keep])
        self._timestamp[rows[anew]] = timestamp[anew]
        self._arrivals.measure(kept, timestamp[keep] / (50 * self._step[kept]), now)
        plain = keep & (headers.start == HEADER) & (headers.end == HEADER + SLOT)
        plain &= (timestamp - self._origin[rows] == slot * step) & self._plain[kinds]
        r, s = rows[plain], slot[plain]
        cell = self._slots.fill(r, s, SLOT, kinds[plain])
        self._slots.octets[cell] = data[plain, HEADER : HEADER + SLOT]
        self._high[r] = np.maximum(self._high[r], s)
        for i in np.flatnonzero(keep & ~plain):
            row = int(rows[i])
            offset = int(timestamp[i] - self._origin[row])
            self._split(row, offset, data[i, headers.start[i] : headers.end[i]], int(kinds[i]))
        return np.asarray(late | (stray & (ahead < 0)))

    def _wait_longer(self, rows: Rows, beats: Rows) -> None:
        self._play[rows] -= beats
        self._waiting.grow(rows, beats)

    def _split(self, row: int, offset: int, payload: Bytes, kind: int) -> None:
        """A packet of another length than 20 ms, off the grid, or for its decoder to open."""
        step, play = int(self._step[row]), int(self._play[row])
        ticks, first = self._forms[kind].ticks, offset // step
        length = len(payload)
        if ticks:
            length = ticks(octets := payload.tobytes())
            if length and play <= first < play + SLOTS:
                self._slots.keep(row, first, offset - first * step, octets)
        at = 0
        while at < length:
            slot, inside = divmod(offset + at, step)
            size = min(step - inside, length - at)
            if play <= slot < play + SLOTS:
                part = None if ticks else payload[at : at + size]
                self._slots.add(row, slot, kind, inside, size, part)
                self._high[row] = max(self._high[row], slot)
            at += size

    def skip(self, rows: Rows, beats: int) -> None:
        """Beats were missed: what they would have played is past. Call after ``put``, because
        the packets of that time have only now been read."""
        self._play[rows] += np.where(self.started[rows], beats, 0)

    def pull(self, rows: Rows, quiet: Mask) -> Pulled:
        """The frame of this beat for each row. ``quiet`` rows are not speaking, so that a frame
        may be left out unheard."""
        skipped = self._adapt(rows, quiet)
        play, started, none = self._play[rows], self.started[rows], np.zeros(len(rows), bool)
        cell, kinds, there = self._slots.at(rows, play)
        there &= started & (play > self._played[rows])  # nothing is heard twice
        if there.all():
            self._starved[rows], self._played[rows], comfort = 0, play, none
        else:
            kinds = np.where(there, kinds, self._going[rows])
            self._starved[rows] = np.where(there, 0, self._starved[rows] + 1)
            self._played[rows[there]] = play[there]
            silent = self._silent[rows]
            comfort = ~there & (silent > self._played[rows]) & (silent <= play)
        self._going[rows] = kinds
        self._play[rows] = play + started
        payloads = self._slots.octets.take(cell, axis=0)
        return Pulled(payloads, there, kinds, comfort, none if skipped is None else skipped)

    def _adapt(self, rows: Rows, quiet: Mask) -> Mask | None:
        """Wait less, or more; which rows left a frame out while the peer spoke. None: none did."""
        skipped, play = None, self._play[rows]
        at, surplus, audible = self._waiting.surplus(rows, self._high[rows] - play, quiet)
        if len(at):
            self._play[rows[at]] += surplus
            skipped = np.zeros(len(rows), bool)
            skipped[at] = audible
        if (beats := self._waiting.shortage(rows, quiet)) is not None:
            self._wait_longer(rows, beats)
        return skipped

    def packets(self, row: int) -> tuple[int, list[tuple[int, bytes]]]:
        """The slot that was pulled last and the packets that begin in it: how many ticks after it
        does, and the payload. For kinds that are kept packet by packet."""
        play = int(self._play[row]) - 1
        return play, self._slots.take(row, play)

    def following(self, rows: Rows) -> tuple[Bytes, Mask]:
        """The frames right after those that were pulled last, of kinds with an octet a tick, and
        which of them are there."""
        cell, kinds, there = self._slots.at(rows, self._play[rows])
        return self._slots.octets[cell], there & self._plain[kinds]

    def past(self, row: int, most: int) -> Bytes:
        """The last frames that were pulled (n x 160, the oldest first), as many as came one after
        another in the kind that was pulled last. For kinds with an octet a tick."""
        play, kind = int(self._play[row]), self._going[row]
        slots = np.arange(play - most, play)
        cell, kinds, there = self._slots.at(np.full(most, row), slots)
        there &= (kinds == kind) & self._plain[kind] & (slots >= 0)
        first = int(np.flatnonzero(~there)[-1]) + 1 if not there.all() else 0
        return np.asarray(self._slots.octets[cell[first:]])

    def next_packet(self, row: int) -> bytes | None:
        """What comes right after the slot that was pulled last, if it is there."""
        return self._slots.first(row, int(self._play[row]))
