"""From the packets of a beat to what is heard: every row's frame, decoded, repaired, at 16 kHz."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.media.lines import FRAME, RATE, RING, Lines
from gateway.media.opened import Opened
from gateway.rtp.jitter import Jitter
from gateway.rtp.loss import Concealment, Following
from gateway.rtp.outcomes import Pulled
from gateway.rtp.slots import SLOT
from gateway_codecs import CODECS, G722, OPUS, Law, comfort, g722
from gateway_codecs.resample import Upsampler

PRIMING = 10  # frames from which a codec that adapts finds back
_JOIN = 80  # samples: 5 ms in which one codec's sound takes over from another's
_FALL = ((np.arange(_JOIN)[::-1] + 0.5) / _JOIN).astype(np.float32)

LAWS = [(index, codec) for index, codec in enumerate(CODECS) if isinstance(codec, Law)]
IS_LAW = np.array([isinstance(codec, Law) for codec in CODECS])
IS_NARROW = np.array([codec.rate < RATE for codec in CODECS])
OPUS_INDEX, G722_INDEX = CODECS.index(OPUS), CODECS.index(G722)

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Heard:
    """``sound``: rows x 320. ``narrow``: rows x 160, the same at 8 kHz, where it came so
    (``thin``). ``alone``: of codecs that are opened packet by packet, by place in the batch, the
    only packet that began in this frame, so that it can be returned as it came."""

    sound: Samples
    narrow: Samples
    thin: Mask
    pulled: Pulled
    alone: dict[int, bytes] = field(default_factory=dict)


class Inward:
    """The decoding side of every row."""

    def __init__(self, lines: Lines, jitter: Jitter) -> None:
        n = lines.capacity
        self._lines, self._jitter = lines, jitter
        self._up = Upsampler(n)
        self._narrow, self._wide = Concealment(n), Concealment(n, RATE)
        self._g722 = g722.Decoder(n)
        self._opened = Opened(n)
        self._level = np.full(n, 127, np.uint8)  # of the peer's comfort noise
        self._shape: dict[int, comfort.Shape] = {}  # and how it sounds, if it is not white
        self._kind = np.zeros(n, np.uint8)
        self._last = np.zeros(n, np.float32)  # sample that was heard
        self._beats = 0

    def forget(self, row: int) -> None:
        """A new line begins; or, if some of it was heard already, another process had it."""
        self._up.forget(row)
        self.renew(np.array([row]))
        self._last[row] = 0
        self._level[row] = 127
        self._shape.pop(row, None)
        if beat := int(self._lines["beat"][row]):
            heard = self._lines["heard"][row]
            past = np.concatenate([heard[n % RING] for n in range(beat - PRIMING, beat)])
            self._g722.prime(row, past)
            self._last[row] = past[-1]

    def catch_up(self, row: int, kind: int, payloads: npt.NDArray[np.uint8]) -> Samples:
        """The row was not decoded for a while: what it said last (frames x 160 octets), as sound,
        so that the next frame goes on from there."""
        own = np.array([row])
        self._up.forget(row)
        self.renew(own)
        sound = np.zeros((len(payloads), FRAME), np.int16)
        for frame, octets in zip(sound, payloads, strict=True):
            if kind == G722_INDEX:
                frame[:] = self._g722.run(own, octets[None])[0]
            else:
                law = CODECS[kind]
                assert isinstance(law, Law)
                frame[:] = self._up.run(own, law.decode(octets[None]))[0]
        self._kind[row] = kind
        self._last[row] = sound[-1, -1] if len(sound) else 0
        return sound

    def interrupt(self, rows: Rows) -> None:
        """Nothing that was heard before may sound again: a key was pressed."""
        self._narrow.forget(rows)
        self._wide.forget(rows)
        for row in rows.tolist():
            self._opened.interrupt(row)

    def renew(self, rows: Rows) -> None:
        """Another stream begins, coded by somebody else."""
        self.interrupt(rows)
        for row in rows.tolist():
            self._opened.forget(row)
            self._g722.forget(row)

    def comfort(self, row: int, payload: bytes) -> None:
        """The peer is silent, and its silence is like this (RFC 3389)."""
        self._level[row], shape = comfort.read(payload)
        self._shape.pop(row, None)
        if shape is not None:
            self._shape[row] = shape

    def run(self, rows: Rows, quiet: Mask) -> Heard:
        """This beat's frame of each row; see ``Jitter.pull``."""
        pulled = self._jitter.pull(rows, quiet)
        self._beats += 1
        kinds, alone = pulled.kinds, dict[int, bytes]()
        thin = IS_NARROW[kinds]
        if IS_LAW[kinds].all():
            narrow = self._decode_narrow(rows, pulled, slice(None), alone)
            sound = self._up.run(rows, narrow)
        else:
            sound = np.zeros((len(rows), FRAME), np.int16)
            narrow = np.zeros((len(rows), SLOT), np.int16)
            if len(its := np.flatnonzero(thin)):
                narrow[its] = decoded = self._decode_narrow(rows, pulled, its, alone)
                sound[its] = self._up.run(rows[its], decoded)
            self._decode_wide(rows, pulled, np.flatnonzero(~thin), sound, alone)
        cut = pulled.skipped & (kinds == OPUS_INDEX)  # the others' are joined by concealment
        jump = np.flatnonzero(cut | (kinds != self._kind[rows]))
        if len(jump):
            its = rows[jump]
            self._kind[its] = kinds[jump]
            head = sound[jump, :_JOIN] + (self._last[its] - sound[jump, 0])[:, None] * _FALL
            sound[jump, :_JOIN] = np.clip(np.rint(head), -32768, 32767)
        self._last[rows] = sound[:, -1]
        return Heard(sound, narrow, thin, pulled, alone)

    def _decode_narrow(self, rows: Rows, pulled: Pulled, its: Rows | slice,
                       alone: dict[int, bytes]) -> Samples:  # fmt: skip
        place = np.arange(len(rows))[its]
        rows, kinds, there = rows[its], pulled.kinds[its], pulled.there[its]
        sound = np.empty((len(rows), SLOT), np.int16)
        payloads = pulled.payloads[its]
        for index, law in LAWS:
            chosen = kinds == index
            if chosen.all():
                sound = law.decode(payloads)
            elif chosen.any():
                sound[chosen] = law.decode(payloads[chosen])
        others: Mask = ~IS_LAW[kinds]
        for i in np.flatnonzero(others).tolist() if others.any() else ():
            there[i], _, packet = self._open(int(rows[i]), int(kinds[i]), sound[i])
            if packet:
                alone[int(place[i])] = packet
        following = None if there.all() else self._following(rows, kinds)
        self._conceal(self._narrow, rows, sound, there, pulled.comfort[its], pulled.skipped[its],
                      following)  # fmt: skip
        return sound

    def _following(self, rows: Rows, kinds: npt.NDArray[np.uint8]) -> Following:
        """The frame after this one, where it has come: what is made up can lead to it."""
        octets, there = self._jitter.following(rows)
        sound = np.zeros(octets.shape, np.int16)
        for index, law in LAWS:
            chosen = there & (kinds == index)
            sound[chosen] = law.decode(octets[chosen])
        return Following(sound, there & IS_LAW[kinds])

    def _decode_wide(self, rows: Rows, pulled: Pulled, its: Rows, sound: Samples,
                     alone: dict[int, bytes]) -> None:  # fmt: skip
        kinds, there = pulled.kinds, pulled.there.copy()
        chosen = its[(kinds[its] == G722_INDEX) & there[its]]
        sound[chosen] = self._g722.run(rows[chosen], pulled.payloads[chosen])
        for i in its[kinds[its] != G722_INDEX].tolist():
            row, kind = int(rows[i]), int(kinds[i])
            there[i], made_up, packet = self._open(row, kind, sound[i])
            self._lines["concealed"][row] += made_up
            if packet:
                alone[i] = packet
        plain = its[(kinds[its] != OPUS_INDEX) | pulled.comfort[its]]
        frames = sound[plain]
        self._conceal(self._wide, rows[plain], frames, there[plain], pulled.comfort[plain],
                      pulled.skipped[plain])  # fmt: skip
        sound[plain] = frames

    def _open(self, row: int, kind: int, into: Samples) -> tuple[bool, bool, bytes | None]:
        """Whether the frame is there, whether some is made up, and its only packet."""
        jitter = self._jitter
        slot, packets = jitter.packets(row)
        following = None if packets else jitter.next_packet(row)
        sound, made_up = self._opened.frame(row, CODECS[kind], slot, packets, following)
        if sound is not None:
            into[:] = sound
        return sound is not None, made_up, packets[0][1] if len(packets) == 1 else None

    def _conceal(
        self,
        concealment: Concealment,
        rows: Rows,
        sound: Samples,
        there: Mask,
        silent: Mask,
        skipped: Mask,
        following: Following | None = None,
    ) -> None:
        if silent.any():
            its = rows[silent]
            shapes = {at: self._shape[row] for at, row in enumerate(its.tolist())
                      if row in self._shape}  # fmt: skip
            size = sound.shape[1]
            sound[silent] = comfort.noise(self._level[its], size, self._beats, shapes)
            there = there | silent
        made_up = concealment.run(rows, sound, there, skipped, following)
        if made_up.any():
            self._lines["concealed"][rows] += made_up
