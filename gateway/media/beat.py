"""One beat of 20 ms for every line at once: hear, then speak. No sockets, no clock.

``heard``, ``said`` and ``speech`` of a beat are published together, by raising ``beat``. Whatever
the next beat needs of this one and another process could not find out again is in ``lines``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.ears import Ears
from gateway.media.lines import DIGITS, NO_PAYLOAD, RING, Lines
from gateway.media.peers import Peers, Source
from gateway.media.reports import Reports
from gateway.media.voice import Voice
from gateway.rtp import packet
from gateway.rtp.digits import Dialling, DigitsIn, DigitsOut
from gateway.rtp.jitter import SLOT, Jitter
from gateway.rtp.loss import Concealment
from gateway.rtp.tones import TONES
from gateway_codecs import CODECS
from gateway_codecs.resample import Downsampler, Upsampler

_STEP = SLOT  # RTP timestamp units in a beat at 8 kHz
_COMFORT_NOISE = 13  # RFC 3389: may come unasked, and is taken as silence

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Tuning:
    """What of the operator's settings the beat needs."""

    jitter: int = 1  # frames
    jitter_most: int = 10
    relearn_s: float = 5.0
    vad_mode: int = 2
    speech_level_db: float = -50.0


@dataclass(frozen=True)
class Received:
    """Datagrams that were waiting: at most one of each row."""

    rows: Rows
    data: Bytes  # datagrams x bytes
    lengths: npt.NDArray[np.int64]
    sources: list[Source]

    def only(self, chosen: Mask) -> "Received":
        sources = [source for source, its in zip(self.sources, chosen, strict=True) if its]
        return Received(self.rows[chosen], self.data[chosen], self.lengths[chosen], sources)


@dataclass(frozen=True)
class Outgoing:
    """Packets to be sent: each its row, its bytes, how many of them, and where to."""

    rows: list[int]
    packets: Bytes
    lengths: list[int]
    targets: list[Source]


class Beat:
    """``wall_s``: see ``Reports``."""

    def __init__(self, lines: Lines, tuning: Tuning, wall_s: float = 0.0) -> None:
        n = lines.capacity
        self._lines = lines
        self._peers = Peers(lines, tuning.relearn_s)
        self._jitter = Jitter(n, tuning.jitter, tuning.jitter_most)
        self.reports = Reports(lines, self._jitter, self._peers, wall_s)
        self._concealment = Concealment(n)
        self._up, self._down = Upsampler(n), Downsampler(n)
        self._ears = Ears(n, tuning.vad_mode, tuning.speech_level_db)
        self._voice = Voice(lines)
        self._digits_in, self._digits_out = DigitsIn(n), DigitsOut(n)
        self._marker = np.ones(n, bool)  # the next packet begins a talkspurt
        self._packets = np.zeros((n, packet.HEADER + SLOT), np.uint8)
        self._open = np.zeros(n, bool)
        self.rows: Rows = np.empty(0, np.int64)

    # Rows come, change and go as main says.

    def changed(self) -> list[int]:
        """Rows to be settled or let go: main changed them, or another process had them."""
        lines = self._lines
        changed = lines["settings"] != lines["applied"]
        changed |= (lines["live"] == 1) & ~self._open
        return [int(row) for row in np.flatnonzero(changed)]

    def settle(self, row: int) -> None:
        """Begin a row, or take over what main changed in it."""
        lines = self._lines
        seen = int(lines["settings"][row])
        if not self._open[row]:
            self._begin(row)
        self._peers.settle(row)
        lines["applied"][row] = seen

    def let_go(self, row: int) -> None:
        """Main wants the row back: nothing of it is touched after this."""
        self._open[row] = False
        self.rows = np.flatnonzero(self._open)
        self._lines["applied"][row] = self._lines["settings"][row]

    def _begin(self, row: int) -> None:
        lines = self._lines
        for state in (self._peers, self._concealment, self._up, self._down, self._ears,
                      self._voice, self._digits_in, self._digits_out, self.reports):  # fmt: skip
            state.forget(row)
        self._jitter.forget(row, int(lines["lost"][row]))
        if digits := int(lines["digits"][row]):
            last = int(lines["digit"][row, (digits - 1) % DIGITS])
            self._digits_in.recall(row, int(lines["digit_at"][row]), last)
        self._marker[row] = True
        self._open[row] = True
        self.rows = np.flatnonzero(self._open)

    # The beat.

    def run(self, received: Sequence[Received], now: float, missed: int = 0) -> Outgoing:
        """One beat at ``now`` (monotonic seconds), after ``missed`` that did not take place."""
        lines, rows = self._lines, self.rows
        if not len(rows):
            return Outgoing([], self._packets[:0], [], [])
        for batch in received:
            self._receive(batch, now)
        if missed:
            self._miss(rows, missed)
        payloads, heard, starts = self._hear(rows)
        self._voice.pause(rows, starts)
        outgoing = self._speak(rows, payloads, heard)
        lines["beat_at"][rows] = now
        lines["beat"][rows] += 1
        return outgoing

    def unsent(self, rows: list[int]) -> None:
        """The kernel refused these packets after all."""
        np.subtract.at(self._lines["sent"], rows, 1)

    def _miss(self, rows: Rows, missed: int) -> None:
        """Time went by without us: silence in the rings, timestamps go on (RFC 3550 5.1)."""
        lines = self._lines
        self._jitter.skip(rows, missed)
        for ago in range(min(missed, RING)):
            at = (lines["beat"][rows] + ago) % RING
            lines["heard"][rows, at] = 0
            lines["said"][rows, at] = 0
            lines["speech"][rows, at] = 0
        lines["beat"][rows] += missed
        lines["timestamp"][rows] += np.uint32(missed * _STEP % 2**32)
        self._marker[rows] = True

    def _receive(self, batch: Received, now: float) -> None:
        if not self._open[batch.rows].all():  # sound before the call was answered
            batch = batch.only(self._open[batch.rows])
        lines, rows = self._lines, batch.rows
        headers = packet.parse(batch.data, batch.lengths)
        digit = headers.payload == lines["digits_in"][rows]
        sound = headers.payload == lines["payload_in"][rows]
        valid = headers.good & (digit | sound | (headers.payload == _COMFORT_NOISE))
        known = self._peers.known(rows, batch.sources)
        foreign = np.zeros(len(rows), bool)
        for i in np.flatnonzero(~known & valid).tolist():
            foreign[i] = not self._peers.learn(int(rows[i]), batch.sources[i], now)
        lines["foreign"][rows[foreign]] += 1
        lines["garbage"][rows[~valid]] += 1

        valid &= ~foreign
        rows, data = rows[valid], batch.data[valid]
        if not len(rows):
            return
        headers, digit = headers.only(valid), digit[valid]
        lines["received"][rows] += 1
        lines["received_at"][rows] = now
        hears = lines["hears"][rows] == 1
        put = self._jitter.put(rows, headers, data, sound[valid] & hears, now)
        lines["duplicated"][rows] += put.duplicate
        lines["late"][rows] += put.late
        lines["lost"][rows] = self._jitter.lost(rows)
        lines["jitter_s"][rows] = self._jitter.jitter_s[rows]
        if put.other.any():
            self._concealment.forget(rows[put.other])
            self._digits_in.forget(rows[put.other])
        if digit.any():
            self._press(rows[digit], headers.only(digit), data[digit])

    def _press(self, rows: Rows, headers: packet.Headers, data: Bytes) -> None:
        lines = self._lines
        self._concealment.forget(rows)  # a key is no lost speech
        new, event = self._digits_in.take(rows, headers, data)
        rows = rows[new]
        lines["digit"][rows, lines["digits"][rows] % DIGITS] = event[new]
        lines["digit_at"][rows] = headers.timestamp[new]
        lines["digits"][rows] += 1

    def _hear(self, rows: Rows) -> tuple[Bytes, npt.NDArray[np.int16], Mask]:
        """The payload and the sound of this beat for each row, and where speech begins in it."""
        lines = self._lines
        payloads, there = self._jitter.pull(rows, ~self._ears.speaking[rows])
        sound = np.empty((len(rows), SLOT), np.int16)
        codec = lines["codec"][rows]
        for index, known in enumerate(CODECS):
            its = codec == index
            sound[its] = known.decode(payloads[its])
        made_up = self._concealment.run(rows, sound, there)
        lines["concealed"][rows] += made_up
        for index, known in enumerate(CODECS):
            if len(lacking := np.flatnonzero((codec == index) & ~there)):
                payloads[lacking] = known.encode(sound[lacking])
        heard = self._up.run(rows, sound)
        starts = self._ears.listen(rows, heard)
        at = lines["beat"][rows] % RING
        lines["heard"][rows, at] = heard
        lines["speech"][rows, at] = self._ears.speaking[rows]
        return payloads, heard, starts

    def _speak(self, rows: Rows, echo: Bytes, heard: npt.NDArray[np.int16]) -> Outgoing:
        lines = self._lines
        speaks, echoes = lines["speaks"][rows] == 1, lines["echo"][rows] == 1
        dialling = self._dial(rows)
        said = self._voice.next(rows, speaks & ~dialling.busy & ~echoes)
        said[echoes] = heard[echoes]
        if len(busy := np.flatnonzero(dialling.busy)):
            said[busy] = TONES[dialling.event[busy], dialling.beat[busy]]
        said[~speaks] = 0
        lines["said"][rows, lines["beat"][rows] % RING] = said

        payloads = self._encode(rows, said)
        payloads[echoes & ~dialling.busy] = echo[echoes & ~dialling.busy]
        outgoing = self._pack(rows, speaks, payloads, dialling)
        lines["timestamp"][rows] += np.uint32(_STEP)
        return outgoing

    def _dial(self, rows: Rows) -> Dialling:
        """The digits that main has asked for, one after another."""
        lines, digits = self._lines, self._digits_out
        ready = rows[(lines["dialled"][rows] > lines["sent_digits"][rows]) & digits.idle(rows)]
        ready = ready[lines["speaks"][ready] == 1]
        event = lines["dial"][ready, lines["sent_digits"][ready] % DIGITS]
        digits.start(ready, event & 15, lines["timestamp"][ready])
        dialling = digits.step(rows)
        lines["sent_digits"][rows] += dialling.done
        return dialling

    def _encode(self, rows: Rows, said: npt.NDArray[np.int16]) -> Bytes:
        narrow = self._down.run(rows, said)
        codec = self._lines["codec"][rows]
        payloads = np.empty((len(rows), SLOT), np.uint8)
        for index, known in enumerate(CODECS):
            its = codec == index
            payloads[its] = known.encode(narrow[its])
        return payloads

    def _pack(self, rows: Rows, speaks: Mask, payloads: Bytes, dialling: Dialling) -> Outgoing:
        lines, target = self._lines, self._peers.target
        event = dialling.sends & (lines["digits_out"][rows] != NO_PAYLOAD)
        packets = self._packets[: len(rows)]
        packet.write(
            packets,
            payload=np.where(event, lines["digits_out"][rows], lines["payload_out"][rows]),
            marker=np.where(event, dialling.marker, self._marker[rows]),
            sequence=lines["sequence"][rows],
            timestamp=np.where(event, dialling.timestamp, lines["timestamp"][rows]),
            ssrc=lines["ssrc"][rows],
        )
        packets[:, packet.HEADER :] = payloads
        packets[event, packet.HEADER : packet.HEADER + 4] = dialling.payload[event]
        lengths = np.where(event, packet.HEADER + 4, packets.shape[1])

        somewhere = np.fromiter((target[row] is not None for row in rows.tolist()), bool, len(rows))
        sends = speaks & somewhere
        self._marker[rows] = ~sends
        rows = rows[sends]
        lines["sequence"][rows] += np.uint16(1)
        lines["sent"][rows] += 1
        lines["octets"][rows] += lengths[sends] - packet.HEADER
        targets = [there for row in rows.tolist() if (there := target[row])]
        return Outgoing(rows.tolist(), packets[sends], lengths[sends].tolist(), targets)
