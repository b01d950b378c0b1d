"""Telephones on the media process's own beat: packets in, packets out, and no socket between.

What a caller says is G.711 in RTP packets, and takes the way that all sound takes: jitter buffer,
decoder, resampler, voice detection; what it hears has come out of the mixer and the encoder.
"""

import os
from collections import deque
from collections.abc import Iterable
from random import Random

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import pack_all
from gateway.media.beat import Beat, Received, Tuning
from gateway.media.line import Line
from gateway.media.lines import Lines, Writer
from gateway.media.sounds import Sounds
from gateway.rtp import packet
from gateway_codecs import PCMU

NARROW = 160  # samples of 20 ms at 8 kHz
KEYS = "0123456789*#ABCD"  # by RFC 4733 event code
KEY_BEATS, KEY_ENDS = 5, 3  # how long a key is pressed, and how often its end is told
LOUD = 184.0  # -45 dBFS: what is louder is heard
_EVENT = 101  # payload type of keys

Frame = npt.NDArray[np.int16]  # NARROW samples
SILENCE = np.zeros(NARROW, np.int16)


class Phone:
    """One caller's telephone. ``said`` are frames still to be sent; without any, ``noise`` alone
    is. ``loss`` is the share of packets that get lost on the way to the gateway."""

    def __init__(self, row: int, dice: Random, loss: float = 0.0) -> None:
        self.row = row
        self.said: deque[Frame] = deque()
        self.noise = SILENCE
        self.heard: Frame = SILENCE  # in the last beat
        self.loud = False  # it was no silence
        self._dice = dice
        self._loss = loss
        self._sent = 0
        self._keys: deque[tuple[bytes, int]] = deque()  # payload; packets since the key went down

    def press(self, key: str) -> None:
        """RFC 4733 2.5: the same event in each packet, of growing duration, its end three times."""
        event = KEYS.index(key)
        for n in range(KEY_BEATS + KEY_ENDS):
            over = n >= KEY_BEATS
            duration = NARROW * min(n + 1, KEY_BEATS)
            payload = bytes([event, (0x80 if over else 0) | 10]) + duration.to_bytes(2, "big")
            self._keys.append((payload, n))

    def next(self) -> tuple[int, bytes, int, int] | None:
        """Payload type, payload, sequence and timestamp of the next packet; None: it gets lost."""
        number, self._sent = self._sent, self._sent + 1
        if self._keys:
            event, since = self._keys.popleft()
            return _EVENT, event, number, (number - since) * NARROW
        frame = self.said.popleft() if self.said else SILENCE
        if self.noise.any():
            # Another piece of it each time: real noise does not repeat itself.
            mixed = frame.astype(np.int32) + np.roll(self.noise, self._dice.randrange(NARROW))
            frame = np.clip(mixed, -32768, 32767).astype(np.int16)
        if self._loss and self._dice.random() < self._loss:
            return None
        return 0, PCMU.encode(frame).tobytes(), number, number * NARROW

    def take(self, payload: bytes) -> None:
        self.heard = PCMU.decode(np.frombuffer(payload, np.uint8))
        self.loud = float(np.sqrt(np.mean(self.heard.astype(np.float64) ** 2))) > LOUD


class _Owner:
    """Stands for the plane: a Line only needs its lines."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.sounds = Sounds(lines)


class Exchange:
    """``rows`` lines at the most, and one beat for them all."""

    def __init__(self, rows: int) -> None:
        self.main = Lines.make(rows)
        self._media = Lines(os.dup(self.main.fd), rows, Writer.MEDIA)
        self.agent = Lines(os.dup(self.main.fd), rows, Writer.AGENT)
        self._owner = _Owner(self.main)
        self._beat = Beat(self._media, Tuning())
        self.phones: dict[int, Phone] = {}

    def connect(self, phone: Phone) -> None:
        """The phone's row becomes a live line."""
        row = phone.row
        self.main.clear(row)
        self.main.seed(row, 1, 1)
        # _Owner has of a plane what ``agree`` needs.
        Line(self._owner, row, 20_000, "0.0.0.0").agree(  # type: ignore[arg-type]
            host="192.0.2.7", port=4000 + row, codec=0, payload_out=0, payload_in=0,
            digits_out=_EVENT, digits_in=_EVENT, speaks=True, hears=True,
        )  # fmt: skip
        self.phones[row] = phone
        self._settle()

    def disconnect(self, phone: Phone) -> None:
        """The row is free for another call."""
        del self.phones[phone.row]
        self.main["live"][phone.row] = 0
        self.main["settings"][phone.row] += 1
        self._settle()

    def _settle(self) -> None:
        for row in self._beat.changed():
            (self._beat.settle if self.main["live"][row] else self._beat.let_go)(row)

    def beat(self, now: float) -> None:
        """20 ms of all telephones."""
        self._settle()
        outgoing = self._beat.run([self._datagrams(self.phones.values())], now)
        for phone in self.phones.values():
            phone.heard, phone.loud = SILENCE, False
        for row, octets, length in zip(
            outgoing.rows.tolist(), outgoing.packets, outgoing.lengths, strict=True
        ):
            if octets[1] & 0x7F == 0:  # and not one of the agent's keys
                self.phones[row].take(octets[packet.HEADER : length].tobytes())

    def _datagrams(self, phones: Iterable[Phone]) -> Received:
        sent = [(phone.row, its) for phone in phones if (its := phone.next())]
        data = np.zeros((len(sent), packet.HEADER + NARROW), np.uint8)
        packet.write(
            data,
            payload=np.array([kind for _, (kind, _, _, _) in sent], np.uint8),
            marker=np.zeros(len(sent), bool),
            sequence=np.array([number % 65536 for _, (_, _, number, _) in sent], np.uint16),
            timestamp=np.array([at % 2**32 for _, (_, _, _, at) in sent], np.uint32),
            ssrc=np.array([row for row, _ in sent], np.uint32),
        )
        lengths = np.zeros(len(sent), np.int64)
        for n, (_, (_, payload, _, _)) in enumerate(sent):
            lengths[n] = packet.HEADER + len(payload)
            data[n, packet.HEADER : lengths[n]] = np.frombuffer(payload, np.uint8)
        rows = np.array([row for row, _ in sent], np.int64)
        return Received(
            rows, data, lengths, pack_all([("192.0.2.7", 4000 + row) for row, _ in sent])
        )

    def newest(self, row: int) -> bytes:
        """The last frame that the agent has been given of a row."""
        heard = self._media["heard"]
        beat = int(self._media["beat"][row]) - 1
        return bytes(heard[row, beat % heard.shape[1]].tobytes())

    def close(self) -> None:
        for lines in (self.agent, self._media, self.main):
            lines.close()
