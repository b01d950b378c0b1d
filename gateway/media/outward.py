"""From what is said at a beat to the payloads of packets: in each row's codec, as long as its peer
wishes them.

Nearly every row sends one packet of 20 ms at each beat, and those are coded together. A row with
other packets, or with a codec that is coded row by row, collects its sound here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.band import Band
from gateway.media.hush import Hush
from gateway.media.inward import G722_INDEX, IS_LAW, IS_NARROW, LAWS, OPUS_INDEX
from gateway.media.lines import NO_PAYLOAD, RATE, RING, Lines
from gateway.rtp.slots import SLOT
from gateway_codecs import CODECS, g722, l16, opus
from gateway_codecs.resample import Downsampler

BEAT_MS = 20
MOST = 1276  # octets of a payload: no codec of ours needs more in a packet that no link cuts up
CLOCKS = np.array([codec.clock for codec in CODECS])
STEPS = (CLOCKS // 50).astype(np.uint32)  # ticks of a beat
_PRIMING = 10  # frames from which a codec that adapts finds back
_HAS_OCTETS = IS_LAW | (np.arange(len(CODECS)) == G722_INDEX)  # in each tick one

Rows = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Payloads:
    """Packets of one beat, those of a row one after another."""

    at: Rows  # whose: its place in the batch of rows
    order: npt.NDArray[np.uint16]  # among those of its row
    octets: Bytes  # packets x the longest
    lengths: Rows
    since: npt.NDArray[np.uint32]  # ticks from the beat's timestamp to the packet's, mostly 0
    comfort: npt.NDArray[np.bool_]  # it is comfort noise

    @classmethod
    def frames(cls, at: Rows, octets: Bytes) -> "Payloads":
        """One packet each, of this beat's sound."""
        zeros = np.zeros(len(at), np.uint32)
        return cls(at, zeros.astype(np.uint16), octets, np.full(len(at), octets.shape[1]),
                   zeros, zeros.astype(bool))  # fmt: skip

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Payloads":
        return Payloads(**{name: column[chosen] for name, column in vars(self).items()})

    def instead(self, at: Rows, octets: Bytes) -> "Payloads":
        """For these rows one packet each, in place of what they have."""
        return self.only(~np.isin(self.at, at)).joined(Payloads.frames(at, octets))

    def joined(self, other: "Payloads") -> "Payloads":
        width = max(self.octets.shape[1], other.octets.shape[1])
        wide = {
            name: np.concatenate([column, vars(other)[name]])
            for name, column in vars(self).items()
            if name != "octets"
        }
        octets = np.zeros((len(wide["at"]), width), np.uint8)
        octets[: len(self.at), : self.octets.shape[1]] = self.octets
        octets[len(self.at) :, : other.octets.shape[1]] = other.octets
        return Payloads(octets=octets, **wide)


Packet = tuple[int, bytes, int, bool]  # one of Payloads: at, octets, since, comfort


class Outward:
    """The coding side of every row."""

    def __init__(self, lines: Lines) -> None:
        n = lines.capacity
        self._lines = lines
        self._down = Downsampler(n)
        self._g722 = g722.Encoder(n)
        self._band = Band(n)
        self._opus: list[opus.Encoder | None] = [None] * n
        self._wishes = [opus.Wishes()] * n
        self._codec = np.full(n, NO_PAYLOAD, np.uint8)
        self._held: dict[int, list[Samples | bytes]] = {}  # by row
        self._narrow = np.zeros(n, bool)  # there is nothing above 4 kHz for Opus to code
        self._hush: dict[int, Hush] = {}  # of rows that may be silent

    def forget(self, row: int) -> None:
        self._codec[row] = NO_PAYLOAD
        self._opus[row] = None
        self._band.forget(row)
        self._g722.forget(row)
        self._held.pop(row, None)
        self._hush.pop(row, None)

    def settle(self, row: int) -> None:
        """Main has changed the row's settings, or this process is new to the row."""
        lines = self._lines
        codec = int(lines["codec"][row])
        wishes = opus.Wishes(
            int(lines["opus_bitrate"][row]), int(lines["opus_rate"][row]),
            bool(lines["opus_fec"][row]), bool(lines["opus_dtx"][row]),
            bool(lines["opus_constant"][row]),
        )  # fmt: skip
        if wishes != self._wishes[row]:
            self._opus[row], self._wishes[row] = None, wishes
        self._held.pop(row, None)
        if codec != self._codec[row]:
            taken_over = self._codec[row] == NO_PAYLOAD and lines["sent"][row] > 0
            self._codec[row] = codec
            self._opus[row] = None
            self._prime(row, taken_over and codec == G722_INDEX)

    def _prime(self, row: int, adapted: bool) -> None:
        """Begin to code where sound goes on, so that nothing clicks. ``adapted``: the peer's
        decoder has adapted to what another process said."""
        lines = self._lines
        beat = int(lines["beat"][row])
        said = [lines["said"][row, n % RING] for n in range(beat - _PRIMING, beat)]
        self._down.forget(row)
        self._down.run(np.array([row]), said[-1][None])
        self._g722.forget(row)
        if adapted:
            self._g722.prime(row, np.concatenate(said))

    def run(self, rows: Rows, said: Samples, echo: dict[int, bytes], again: Bytes,
            echoes: npt.NDArray[np.bool_]) -> Payloads:  # fmt: skip
        """Code a frame (rows x 320) of each row. What rows that are to echo have received goes out
        as it came: ``again`` where ``echoes``, ``echo`` by place in the batch."""
        lines, codec = self._lines, self._lines["codec"][rows]
        encoded = np.empty((len(rows), SLOT), np.uint8)
        narrow = np.empty((len(rows), SLOT), np.int16)
        thin = IS_NARROW[codec]
        if thin.all():
            narrow = self._down.run(rows, said)
        elif thin.any():
            narrow[thin] = self._down.run(rows[thin], said[thin])
        for index, law in LAWS:
            its = codec == index
            if its.all():
                encoded = law.encode(narrow)
            elif its.any():
                encoded[its] = law.encode(narrow[its])
        if len(its := np.flatnonzero(codec == G722_INDEX)):
            encoded[its] = self._g722.run(rows[its], said[its])
        if len(its := np.flatnonzero(codec == OPUS_INDEX)):
            self._narrow[rows[its]] = self._band.narrow(rows[its], said[its])
        if echoes.any():
            encoded[echoes] = again[echoes]

        quick = (lines["ptime_ms"][rows] == BEAT_MS) & (lines["comfort_out"][rows] == NO_PAYLOAD)
        plain = quick & _HAS_OCTETS[codec]
        at = np.flatnonzero(plain)
        if len(at) == len(rows):
            return Payloads.frames(at, encoded)
        payloads = Payloads.frames(at, encoded[at])
        packets: list[Packet] = []
        quick &= (codec == OPUS_INDEX) & ~echoes
        for i, row in zip(np.flatnonzero(quick).tolist(), rows[quick].tolist(), strict=True):
            if self._held.get(row):
                quick[i] = False
            elif octets := self._encode_opus(row, said[i]):
                packets.append((i, octets, 0, False))
        for i in np.flatnonzero(~(plain | quick)).tolist():
            packets += self._slow(i, int(rows[i]), said[i], narrow[i], encoded[i], echo.get(i))
        return payloads.joined(table(packets)) if packets else payloads

    def _slow(self, i: int, row: int, said: Samples, narrow: Samples, encoded: Bytes,
              echo: bytes | None) -> list[Packet]:  # fmt: skip
        """A row whose packets are made one by one."""
        index = int(self._codec[row])
        lines, codec = self._lines, CODECS[index]
        ptime_ms = int(lines["ptime_ms"][row])
        step = codec.clock // 50
        if lines["comfort_out"][row] != NO_PAYLOAD:
            hushed = self._hush_of(row, index).packet(narrow if IS_NARROW[index] else said[::2])
            if hushed is not None:
                self._held.pop(row, None)
                return [(i, hushed, 0, True)] if hushed else []
        if echo is not None and ptime_ms == BEAT_MS and codec.ticks(echo) == step:
            return [(i, echo, 0, False)]
        held = self._held.setdefault(row, [])
        piece: Samples | bytes
        if index == OPUS_INDEX:
            piece, unit = said, RATE // 1000
            ptime_ms = max(size for size in opus.SIZES_MS if size <= max(ptime_ms, 10))
        elif _HAS_OCTETS[index]:
            piece, unit = encoded.tobytes(), SLOT // BEAT_MS
        else:
            piece = l16.encode(narrow if codec.rate < RATE else said)
            unit = len(piece) // BEAT_MS
            ptime_ms = min(ptime_ms, MOST // unit // 10 * 10)
        held.append(piece)
        size, packets = ptime_ms * unit, []
        waiting = sum(len(part) for part in held)
        before = waiting - len(piece)  # of beats before this one
        if waiting < size:
            return []
        # What is held is all of one kind: the codec's.
        sound = np.concatenate(held) if index == OPUS_INDEX else b"".join(held)  # type: ignore[arg-type]
        for start in range(0, waiting - size + 1, size):
            part = sound[start : start + size]
            since = (start - before) * step // (BEAT_MS * unit)
            octets = self._encode_opus(row, part) if isinstance(part, np.ndarray) else part
            if octets:  # or else Opus has nothing to say
                packets.append((i, octets, since, False))
        rest = sound[waiting - waiting % size :]
        self._held[row] = [rest] if len(rest) else []
        return packets

    def _hush_of(self, row: int, codec: int) -> Hush:
        if row not in self._hush:
            self._hush[row] = Hush(spectrum=bool(IS_NARROW[codec]))
        return self._hush[row]

    def _encode_opus(self, row: int, sound: Samples) -> bytes:
        encoder = self._opus[row]
        if encoder is None:
            encoder = self._opus[row] = opus.Encoder(self._wishes[row])
        encoder.narrow = bool(self._narrow[row])
        return encoder.run(sound)


def table(packets: list[Packet]) -> Payloads:
    """Of packets that were made one by one."""
    whose = [i for i, _, _, _ in packets]
    payloads = [octets for _, octets, _, _ in packets]
    lengths = np.array([len(octets) for octets in payloads], np.int64)
    width = int(lengths.max())
    joined = b"".join([octets.ljust(width, b"\0") for octets in payloads])
    first: dict[int, int] = {}
    order = [n - first.setdefault(i, n) for n, i in enumerate(whose)]
    return Payloads(
        np.array(whose, np.int64),
        np.array(order, np.uint16),
        np.frombuffer(joined, np.uint8).reshape(-1, width),
        lengths,
        np.array([since for _, _, since, _ in packets], np.int64).astype(np.uint32),
        np.array([noise for _, _, _, noise in packets], bool),
    )
