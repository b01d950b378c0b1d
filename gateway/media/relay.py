"""Two peers that hear each other and nothing else, in the same codec, with nobody listening: what
one sends goes to the other as it came, and no sound is made of it.

The packets still pass the jitter buffer, so each side gets an even stream that is our own: SSRC,
sequence and timestamps go on as if we had coded it. What was lost on the way in is missing in the
sequence on the way out, so that the far end repairs it. Whatever makes decoding necessary (an
agent, a recording, somebody who listens in, a key, another codec, comfort noise) is seen beat by
beat, and from then on the two are mixed as any others.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.media.ears import Ears
from gateway.media.inward import G722_INDEX, IS_LAW, OPUS_INDEX, PRIMING, Inward
from gateway.media.lines import MIXED, NO_AGENT, NO_PAYLOAD, RING, SOURCES, Lines
from gateway.media.mixer import Mixer
from gateway.media.outward import BEAT_MS, Outward, Packet, Payloads, table
from gateway.rtp.jitter import Jitter
from gateway_codecs import CODECS

_HAS_OCTETS = IS_LAW | (np.arange(len(CODECS)) == G722_INDEX)
_PASSES = _HAS_OCTETS | (np.arange(len(CODECS)) == OPUS_INDEX)
_AGAIN = 50  # beats until it is tried again, after something that could not be passed on
_GAP = 50  # lost packets at the most that are left out of the sequence at once

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Flags = npt.NDArray[np.uint8] | None
_NOBODY: Rows = np.empty(0, np.int64)


class Relay:
    def __init__(
        self, lines: Lines, jitter: Jitter, inward: Inward, outward: Outward, ears: Ears,
        mixer: Mixer,
    ) -> None:  # fmt: skip
        n = lines.capacity
        self._lines, self._jitter = lines, jitter
        self._inward, self._outward, self._ears, self._mixer = inward, outward, ears, mixer
        self._other = np.full(n, -1, np.int64)  # whose packets the row is sent, while it is so
        self._lost = np.zeros(n, np.int64)  # of its own, those that the other was shown as missing
        self._not_before = np.zeros(n, np.int64)  # a beat of the row

    def forget(self, row: int) -> None:
        self._other[row] = -1
        self._not_before[row] = 0

    def choose(self, rows: Rows, flags: Flags, idle: Callable[[Rows], Mask]) -> Rows:
        """Rows whose packets go out to ``others`` as they come, in pairs: where ``flags`` and all
        else admit it. ``idle``: which of some rows are sending no key."""
        if flags is None:
            return _NOBODY
        lines = self._lines
        its = rows[flags == MIXED]
        its = its[(lines["agent"][its] == NO_AGENT) & (lines["followers"][its] == 0)]
        if len(its) < 2:
            return _NOBODY
        sources, gains = lines["sources"][its], lines["gains"][its]
        slot = sources.argmax(axis=1)
        at = np.arange(len(its))
        codec = lines["codec"][its]
        fit = (np.count_nonzero(sources, axis=1) == 1) & (sources[at, slot] > 0)
        fit &= (gains[at, slot] == 1) & (lines["play_frames"][its] == 0) & _PASSES[codec]
        fit &= (lines["ptime_ms"][its] == BEAT_MS) | ~_HAS_OCTETS[codec]
        fit &= (lines["opus_bitrate"][its] == 0) & (lines["opus_constant"][its] == 0)
        fit &= (lines["speaks"][its] == 1) & (lines["hears"][its] == 1) & (lines["echo"][its] == 0)
        fit &= (lines["digits_in"][its] != NO_PAYLOAD) & idle(its)
        fit &= lines["dialled"][its] == lines["sent_digits"][its]
        fit &= self._not_before[its] <= lines["beat"][its]
        its, heard = its[fit], sources[at, slot][fit].astype(np.int64) - 1
        hears = np.full(lines.capacity, -1, np.int64)
        hears[its] = heard
        fit = (hears[heard] == its) & (codec[fit] == lines["codec"][heard])
        fit &= self._hearers()[its] == 1
        return np.asarray(its[fit])

    def others(self, rows: Rows) -> Rows:
        """Whom each of these rows hears, and nobody else."""
        return np.asarray(self._lines["sources"][rows].max(axis=1).astype(np.int64) - 1)

    def _hearers(self) -> Rows:
        """How many peers and agents of other rows, in any process, hear each row's peer."""
        lines, both = self._lines, np.empty(0, np.int64)
        for name in ("sources", "agent_hears"):
            column = lines[name].reshape(-1, SOURCES)
            both = np.concatenate([both, column[column > 0].astype(np.int64) - 1])
        return np.asarray(np.bincount(both, minlength=lines.capacity))

    def turn(self, rows: Rows, passed: Rows) -> None:
        """Of ``rows``, just these are ``passed`` on from now on."""
        lines, before = self._lines, self._other[rows] >= 0
        new = passed[self._other[passed] < 0]
        for name in ("heard", "said", "speech") if len(new) else ():
            lines[name][new] = 0  # or the old would come again
        self._lost[new] = lines["lost"][new]
        self._other[new] = self.others(new)
        if before.any() and len(ended := rows[before & ~np.isin(rows, passed)]):
            self._decode_again(ended)

    def _decode_again(self, rows: Rows) -> None:
        """Begin where the sound is, as if it had been decoded all the time."""
        lines = self._lines
        for row in rows.tolist():
            kind, other = int(lines["codec"][row]), int(self._other[row])
            past = self._inward.catch_up(row, kind, self._jitter.past(row, PRIMING))
            ago = np.arange(-len(past), 0)
            lines["heard"][row, (lines["beat"][row] + ago) % RING] = past
            if other in rows:
                lines["said"][other, (lines["beat"][other] + ago) % RING] = past
            self._ears.forget(row)
        for row in rows.tolist():
            self._other[row] = -1
            self._outward.forget(row)
            self._outward.settle(row)
        self._mixer.assume(rows)

    def run(self, rows: Rows, others: Rows) -> Payloads:
        """The payloads for ``rows``: what their ``others``, all of them in ``rows``, have sent."""
        lines = self._lines
        place = np.full(lines.capacity, -1, np.int64)
        place[rows] = np.arange(len(rows))
        pulled = self._jitter.pull(rows, np.zeros(len(rows), bool))
        source = place[others]  # where in ``pulled``
        kinds, codec = pulled.kinds[source], lines["codec"][rows]
        strange = pulled.comfort[source] | (pulled.there[source] & (kinds != codec))
        its = np.concatenate([rows[strange], others[strange]])
        self._not_before[its] = lines["beat"][its] + _AGAIN

        lost = lines["lost"][others]
        lines["sequence"][rows] += np.clip(lost - self._lost[others], 0, _GAP).astype(np.uint16)
        self._lost[others] = np.maximum(lost, self._lost[others])

        there = pulled.there[source] & ~strange
        at = np.flatnonzero(there & _HAS_OCTETS[codec])
        payloads = Payloads.frames(at, pulled.payloads[source[at]])
        packets: list[Packet] = []
        for i in np.flatnonzero(~_HAS_OCTETS[codec]).tolist():
            _, found = self._jitter.packets(int(others[i]))
            packets += [(i, octets, ticks, False) for ticks, octets in found]
        return payloads.joined(table(packets)) if packets else payloads
