"""A beat without sockets or a clock: packets in by hand, packets out to be looked at."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from gateway.media.addresses import pack_all, unpack
from gateway.media.beat import Beat, Received, Tuning
from gateway.media.line import Line
from gateway.media.lines import FRAME, QUEUE, RING, Lines, Writer
from gateway.media.packing import Outgoing
from gateway.media.plane import Plane
from gateway.media.sounds import Sounds
from gateway.rtp import packet
from gateway_codecs import CODECS
from tests.media.planes import Phone, plane_of

PEER = ("192.0.2.7", 4000)


class Packet:
    """One that was sent, read back."""

    def __init__(self, row: int, octets: bytes, target: tuple[object, ...]) -> None:
        data = np.frombuffer(octets, np.uint8)[None]
        headers = packet.parse(data, np.array([len(octets)]))
        assert headers.good[0]
        self.row, self.target = row, target
        self.kind, self.marker = int(headers.payload[0]), bool(headers.marker[0])
        self.sequence, self.timestamp = int(headers.sequence[0]), int(headers.timestamp[0])
        self.ssrc = int(headers.ssrc[0])
        self.payload = octets[12:]


class Owner:
    """Stands for the plane: a Line only needs its lines."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.sounds = Sounds(lines)


class Stage:
    """A few rows, the three parties that write to them, and a clock turned by hand."""

    def __init__(self, capacity: int = 8) -> None:
        self.main = Lines.make(capacity)
        self.owner = Owner(self.main)
        self.media = Lines(self.main.fd, capacity, Writer.MEDIA)
        self.agent = Lines(self.main.fd, capacity, Writer.AGENT)
        self.now = 100.0
        self.beat = Beat(self.media, Tuning())
        self.sent: list[Packet] = []
        self.stream: dict[int, int] = {}

    def open(self, row: int, **changes: object) -> Line:
        """Make a row live (or change it), as main does."""
        host = "::" if ":" in str(changes.get("host", "")) else "0.0.0.0"
        line = Line(self.owner, row, 20_000, host)  # type: ignore[arg-type]
        if not self.main["live"][row]:
            self.main.clear(row)
            self.main.seed(row, 65_534, 2**32 - 320)
            self.main["ssrc"][row] = 1000 + row
        agreed = {
            "host": PEER[0], "port": PEER[1], "codec": 0, "payload_out": 0, "payload_in": 0,
            "digits_out": 101, "digits_in": 101, "speaks": True, "hears": True,
        }  # fmt: skip
        line.agree(**{**agreed, **changes})  # type: ignore[arg-type]
        self.settle()
        return line

    def settle(self) -> None:
        for row in self.beat.changed():
            (self.beat.settle if self.main["live"][row] else self.beat.let_go)(row)

    def another_process(self) -> None:
        """Media was killed; its successor knows what is in the lines, and no more."""
        self.beat = Beat(self.media, Tuning())
        self.settle()

    def datagrams(self, *datagrams: tuple[int, bytes, tuple[object, ...]]) -> Received:
        data = np.full((len(datagrams), 2048), 0xEE, np.uint8)
        for at, (_, octets, _) in enumerate(datagrams):
            data[at, : len(octets)] = list(octets)
        return Received(
            np.array([row for row, _, _ in datagrams], np.int64),
            data,
            np.array([len(octets) for _, octets, _ in datagrams], np.int64),
            pack_all([source for _, _, source in datagrams]),
        )

    def run(
        self, *datagrams: tuple[int, bytes, tuple[object, ...]], missed: int = 0
    ) -> list[Packet]:
        """One beat; what was sent in it. Datagrams of one row go in batches of their own."""
        batches: list[list[tuple[int, bytes, tuple[object, ...]]]] = []
        for datagram in datagrams:
            for batch in batches:
                if all(row != datagram[0] for row, _, _ in batch):
                    batch.append(datagram)
                    break
            else:
                batches.append([datagram])
        self.now += 0.02 * (1 + missed)
        out: Outgoing = self.beat.run([self.datagrams(*b) for b in batches], self.now, missed)
        packets = [
            Packet(row, octets.tobytes()[:length], unpack(target))
            for row, octets, length, target in zip(
                out.rows.tolist(), out.packets, out.lengths, out.targets, strict=True
            )
        ]
        self.sent += packets
        return packets

    def rtp(
        self, row: int, body: bytes, *, kind: int = 0, source: tuple[object, ...] = PEER,
        timestamp: int | None = None, ssrc: int = 5,
    ) -> tuple[int, bytes, tuple[object, ...]]:  # fmt: skip
        """The next packet of the peer's stream on a row."""
        n = self.stream.get(row, 0)
        self.stream[row] = n + 1
        head = np.zeros((1, 12), np.uint8)
        packet.write(
            head,
            payload=np.array([kind]),
            marker=np.array([False]),
            sequence=np.array([n % 2**16], np.uint16),
            timestamp=np.array([n * 160 if timestamp is None else timestamp], np.uint32),
            ssrc=np.array([ssrc], np.uint32),
        )
        return row, head.tobytes() + body, source

    def hear(self, row: int, sound: np.ndarray, codec: int = 0) -> None:
        """The peer says something, 8 kHz, frame by frame, a beat each."""
        for frame in sound.reshape(-1, 160):
            self.run(self.rtp(row, CODECS[codec].encode(frame).tobytes(), kind=8 * codec))

    def say(self, row: int, sound: np.ndarray) -> None:
        """The agent queues speech, 16 kHz."""
        for frame in sound.reshape(-1, FRAME):
            self.agent["queue"][row, int(self.agent["written"][row]) % QUEUE] = frame
            self.agent["written"][row] += 1

    def ring(self, name: str, row: int, beats: int) -> np.ndarray:
        """The last frames of ``heard`` or ``said``, one after another."""
        end = int(self.main["beat"][row])
        return np.concatenate([self.main[name][row, n % RING] for n in range(end - beats, end)])

    def close(self) -> None:
        del self.beat
        self.main.close()


def voice(seconds: float, rate: int, hz: float = 140.0, level: float = 6000.0) -> np.ndarray:
    """Voiced enough for webrtcvad: a fundamental with overtones and a syllable's swell."""
    t = np.arange(int(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * hz * k * t + k) / k for k in range(1, 20))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)
    return np.rint(level * swell * np.asarray(sound) / 2).astype(np.int16)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def new_stage() -> type[Stage]:
    return Stage


@pytest.fixture
def vowel() -> object:
    return voice


@pytest.fixture
async def plane() -> AsyncIterator[Plane]:
    async with plane_of() as plane:
        yield plane


@pytest.fixture
def phone() -> Iterator[Phone]:
    phone = Phone()
    yield phone
    phone.close()
