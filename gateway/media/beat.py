"""One beat of 20 ms for every line at once: hear, then speak. No sockets, no clock.

``heard``, ``said`` and ``speech`` of a beat are published together, by raising ``beat``. Whatever
the next beat needs of this one and another process could not find out again is in ``lines``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import Addresses
from gateway.media.denoise import Denoising
from gateway.media.ears import Ears
from gateway.media.inward import Heard, Inward
from gateway.media.lines import DIGITS, LENT, NO_PAYLOAD, RING, Lines
from gateway.media.mixer import Mixer
from gateway.media.outward import STEPS, Outward
from gateway.media.packing import NOTHING, Outgoing, Packing
from gateway.media.peers import Peers
from gateway.media.relay import Relay
from gateway.media.reports import Reports
from gateway.media.voice import Voice
from gateway.rtp import packet
from gateway.rtp.digits import DigitsIn
from gateway.rtp.inband import InBand
from gateway.rtp.jitter import EVENT, NOISE, Form, Jitter
from gateway.rtp.tones import TONES
from gateway_codecs import CODECS

_FORMS = [
    Form(codec.clock, None if (codec.clock, codec.width) == (8000, 1) else codec.ticks)
    for codec in CODECS
]


Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.uint8] | None  # ``mixes`` of the rows; None: not one of them mixes


@dataclass(frozen=True)
class Tuning:
    """What of the operator's settings the beat needs."""

    jitter: int = 1  # frames
    jitter_most: int = 10
    relearn_s: float = 5.0
    learn_s: float = 30.0
    vad_mode: int = 2
    speech_level_db: float = -50.0


@dataclass(frozen=True)
class Received:
    """Datagrams that were waiting: at most one of each row."""

    rows: Rows
    data: Bytes  # datagrams x bytes
    lengths: npt.NDArray[np.int64]
    sources: Addresses

    def only(self, chosen: Mask) -> "Received":
        return Received(self.rows[chosen], self.data[chosen], self.lengths[chosen],
                        self.sources[chosen])  # fmt: skip


class Beat:
    """``wall_s``: see ``Reports``. ``beater`` is which process this is: its rows say the same."""

    def __init__(self, lines: Lines, tuning: Tuning, wall_s: float = 0.0) -> None:
        self.beater = 0
        n = lines.capacity
        self._lines = lines
        self._peers = Peers(lines, tuning.relearn_s, tuning.learn_s)
        self._jitter = Jitter(n, tuning.jitter, tuning.jitter_most, _FORMS)
        self.reports = Reports(lines, self._jitter, self._peers, wall_s)
        self._inward, self._outward = Inward(lines, self._jitter), Outward(lines)
        self._denoising = Denoising(lines)
        self._ears = Ears(n, tuning.vad_mode, tuning.speech_level_db)
        self._voice, self._mixer = Voice(lines), Mixer(lines)
        self._relay = Relay(
            lines, self._jitter, self._inward, self._outward, self._ears, self._mixer
        )
        self._packing = Packing(lines, self._peers)
        self._digits_in, self._inband = DigitsIn(n), InBand(n)
        self._open = np.zeros(n, bool)
        self.rows: Rows = np.empty(0, np.int64)

    # Rows come, change and go as main says.

    def changed(self) -> list[int]:
        """Rows to be settled or let go: main changed them, or another process had them."""
        lines = self._lines
        changed = lines["settings"] != lines["applied"]
        changed |= (lines["live"] == 1) & ~self._open & (lines["muted"] == 0)
        changed &= lines["beater"] == self.beater
        return [int(row) for row in np.flatnonzero(changed)]

    def settle(self, row: int) -> None:
        """Begin a row, or take over what main changed in it."""
        lines = self._lines
        seen = int(lines["settings"][row])
        if not self._open[row]:
            self._begin(row)
        self._peers.settle(row)
        self._outward.settle(row)
        lines["muted"][row] = 0  # what main changed may be the cure
        lines["applied"][row] = seen

    def let_go(self, row: int) -> None:
        """Main wants the row back: nothing of it is touched after this."""
        self._relay.forget(row)
        self._open[row] = False
        self.rows = np.flatnonzero(self._open)
        self._lines["applied"][row] = self._lines["settings"][row]

    def renew(self, row: int, *, mute: bool) -> None:
        """Forget what this process knew of a row, which made it fail; ``mute``: leave it alone
        from now on."""
        self._begin(row)
        if mute:
            self._open[row] = False
            self.rows = np.flatnonzero(self._open)

    def _begin(self, row: int) -> None:
        lines = self._lines
        for state in (self._peers, self._inward, self._outward, self._denoising, self._ears,
                      self._voice, self._digits_in, self._packing, self._inband,
                      self._mixer, self._relay, self.reports):  # fmt: skip
            state.forget(row)
        self._jitter.forget(row, int(lines["lost"][row]))
        if digits := int(lines["digits"][row]):
            last = int(lines["digit"][row, (digits - 1) % DIGITS])
            self._digits_in.recall(row, int(lines["digit_at"][row]), last)
        self._open[row] = True
        self.rows = np.flatnonzero(self._open)

    # The beat.

    def run(
        self,
        received: Sequence[Received],
        now: float,
        missed: int = 0,
        only: Rows | None = None,
    ) -> Outgoing:
        """One beat at ``now`` (monotonic seconds), after ``missed`` that did not take place; of
        all open rows, or ``only`` of these."""
        lines, rows = self._lines, self.rows if only is None else only
        if not len(rows):
            return NOTHING
        for batch in received:
            self._receive(batch, now)
        if missed:
            self._miss(rows, missed)
        mixes = self._mixer.flags(rows)
        passed = self._relay.choose(rows, mixes, self._packing.idle)
        self._relay.turn(rows, passed)
        if not len(passed):
            outgoing = self._through(rows, mixes)
        else:
            others = ~np.isin(rows, passed)
            outgoing = self._pass_on(passed)
            if mixes is not None and others.any():
                outgoing = self._through(rows[others], mixes[others]).and_of(outgoing)
        lines["beat_at"][rows] = now
        lines["beat"][rows] += 1
        return outgoing

    def _through(self, rows: Rows, mixes: Flags) -> Outgoing:
        """Rows whose sound is decoded."""
        heard, starts = self._hear(rows, mixes)
        self._voice.pause(rows, starts)
        return self._speak(rows, heard, mixes)

    def unsent(self, rows: Rows) -> None:
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
        lines["timestamp"][rows] += missed * STEPS[lines["codec"][rows]]
        self._packing.interrupt(rows)

    def _receive(self, batch: Received, now: float) -> None:
        if not self._open[batch.rows].all():  # sound before the call was answered
            batch = batch.only(self._open[batch.rows])
        lines, rows = self._lines, batch.rows
        headers = packet.parse(batch.data, batch.lengths)
        digit = headers.payload == lines["digits_in"][rows]
        kinds = lines["kinds"][rows, headers.payload]
        valid = headers.good & (digit | (kinds != NO_PAYLOAD))
        known = self._peers.known(rows, batch.sources)
        data = batch.data
        if not (valid & known).all():
            foreign = np.zeros(len(rows), bool)
            for i in np.flatnonzero(~known & valid).tolist():
                foreign[i] = not self._peers.learn(int(rows[i]), batch.sources[i], now)
            lines["foreign"][rows[foreign]] += 1
            lines["garbage"][rows[~valid]] += 1
            valid &= ~foreign
            rows, data = rows[valid], data[valid]
            headers, digit, kinds = headers.only(valid), digit[valid], kinds[valid]
        if not len(rows):
            return
        lines["received"][rows] += 1
        lines["received_at"][rows] = now
        kinds[digit | (lines["hears"][rows] == 0)] = EVENT
        put = self._jitter.put(rows, headers, data, kinds, now)
        lines["jitter_s"][rows] = self._jitter.jitter_s[rows]
        if not len(put.unusual):
            return
        its = rows[put.unusual]
        lines["lost"][its] = self._jitter.lost(its)
        lines["duplicated"][rows] += put.duplicate
        lines["late"][rows] += put.late
        if put.other.any():
            self._inward.renew(rows[put.other])
            self._digits_in.forget(rows[put.other])
        noise = np.flatnonzero((kinds == NOISE) & (headers.end > headers.start))
        for i in noise.tolist():
            payload = data[i, headers.start[i] : headers.end[i]].tobytes()
            self._inward.comfort(int(rows[i]), payload)
        if digit.any():
            self._press(rows[digit], headers.only(digit), data[digit])

    def _press(self, rows: Rows, headers: packet.Headers, data: Bytes) -> None:
        lines = self._lines
        self._inward.interrupt(rows)  # a key is no lost speech
        new, event = self._digits_in.take(
            rows, headers, data, lines["digits_clock"][rows].astype(np.int64) // 50
        )
        rows = rows[new]
        lines["digit"][rows, lines["digits"][rows] % DIGITS] = event[new]
        lines["digit_at"][rows] = headers.timestamp[new]
        lines["digits"][rows] += 1

    def _hear(self, rows: Rows, mixes: Flags) -> tuple[Heard, Mask]:
        """What came for this beat on each row, and where speech begins in it."""
        lines = self._lines
        heard = self._inward.run(rows, ~self._ears.speaking[rows])
        if mixes is not None:
            self._mixer.mute(mixes, heard.sound)
            self._mixer.mute(mixes, heard.narrow)
        sound, thin = heard.sound, heard.thin
        if len(noisy := self._denoising.chosen(rows)):
            sound, thin = sound.copy(), thin.copy()
            sound[noisy] = self._denoising.run(rows[noisy], sound[noisy])
            thin[noisy] = False
        starts = self._ears.listen(rows, sound, heard.narrow, thin)
        self._find_keys(rows, heard.sound)
        at = lines["beat"][rows] % RING
        lines["heard"][rows, at] = sound
        lines["speech"][rows, at] = self._ears.marks(rows)
        if mixes is not None:
            starts |= self._mixer.onsets(rows, mixes)
        return heard, starts

    def _find_keys(self, rows: Rows, sound: npt.NDArray[np.int16]) -> None:
        """Keys in the sound itself, where no events were agreed on."""
        lines = self._lines
        its = np.flatnonzero((lines["digits_in"][rows] == NO_PAYLOAD) & (lines["hears"][rows] == 1))
        if not len(its):
            return
        began, codes = self._inband.listen(rows[its], sound[its])
        pressed = rows[its[began]]
        lines["digit"][pressed, lines["digits"][pressed] % DIGITS] = codes[began]
        lines["digits"][pressed] += 1

    def _speak(self, rows: Rows, heard: Heard, mixes: Flags) -> Outgoing:
        lines = self._lines
        speaks, echoes = lines["speaks"][rows] == 1, lines["echo"][rows] == 1
        dialling = self._packing.dial(rows)
        may_speak = speaks & ~echoes
        if dialling:
            may_speak &= ~dialling.busy
        if mixes is None:
            said = self._voice.next(rows, may_speak)
        else:
            said = self._voice.next(rows, may_speak | (mixes & LENT != 0))
            self._mixer.run(rows, mixes, said)
        if echoes.any():
            said[echoes] = heard.sound[echoes]
        if dialling:
            busy = np.flatnonzero(dialling.busy)
            said[busy] = TONES[dialling.event[busy], dialling.beat[busy]]
            echoes &= ~dialling.busy
        if not speaks.all():
            said[~speaks] = 0
        lines["said"][rows, lines["beat"][rows] % RING] = said

        pulled, codec = heard.pulled, lines["codec"][rows]
        echoes &= pulled.there & (pulled.kinds == codec)
        whole = {i: octets for i, octets in heard.alone.items() if echoes[i]}
        payloads = self._outward.run(rows, said, whole, pulled.payloads, echoes)
        outgoing = self._packing.pack(rows, speaks, payloads, dialling)
        lines["timestamp"][rows] += STEPS[codec]
        return outgoing

    def _pass_on(self, rows: Rows) -> Outgoing:
        """What these rows' peers are sent is what the others' peers sent."""
        lines = self._lines
        payloads = self._relay.run(rows, self._relay.others(rows))
        outgoing = self._packing.pack_on(rows, payloads)
        lines["timestamp"][rows] += STEPS[lines["codec"][rows]]
        return outgoing
