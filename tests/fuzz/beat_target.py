"""The beat as a whole, with two rows of which each says something of its own all the time: whatever
comes, what goes out follows from RTP and from what the agents said, and neither row has a part in
the other's sound."""

import struct
from collections.abc import Iterator

import numpy as np

from gateway.media.addresses import pack, pack_all
from gateway.media.beat import Beat, Received, Tuning
from gateway.media.line import Line
from gateway.media.lines import FRAME, PAUSE_HOLD, QUEUE, SILENT, Lines, Writer
from gateway.media.packing import Outgoing
from gateway.media.reports import Control
from gateway_codecs import CODECS, opus

PEER = ("192.0.2.7", 4000)
HERE = pack(PEER).tobytes()
CODEC = (0, 3 if opus.available() else 2)  # by row
FADE = 80  # samples in which sound begins or breaks off
HELD = 12  # beats after which the agent goes on
SLEEP = b"\xff\xff"  # a datagram that begins so comes after three beats that did not take place
MISSED = 3
# What a row alone comes to as well, unless comfort noise is heard: that is not made row by row.
FACTS = ("beat", "received", "lost", "late", "duplicated", "garbage", "foreign", "digits",
         "digit_at", "sequence", "timestamp", "sent", "octets", "peer_port")  # fmt: skip
SOUNDS = ("heard", "said", "speech", "taken", "skipped", "pauses", "paused_beat", "concealed")


def _speech() -> np.ndarray:
    """What the agents say, by row and by place in the queue: no two frames are alike."""
    at = np.arange(2 * QUEUE * FRAME).reshape(2, QUEUE, FRAME)
    return np.rint(9000 * np.sin(at * at / 9e6 + 1)).astype(np.int16)


SPEECH = _speech()


class Stage:
    """Some of the two rows, in memory that is used again from run to run."""

    def __init__(self, rows: tuple[int, ...]) -> None:
        self.rows = rows
        self.lines = Lines.make(2)
        self.media = Lines(self.lines.fd, 2, Writer.MEDIA)
        self.agents = Lines(self.lines.fd, 2, Writer.AGENT)

    def renew(self) -> None:
        for row in self.rows:
            line = Line(self, row, 4000, "0.0.0.0")  # type: ignore[arg-type]
            self.lines.clear(row)
            self.lines["ssrc"][row] = 7 + row
            self.lines.seed(row, 65_530, 2**32 - 3 * 960)
            line.agree(host=PEER[0], port=PEER[1], codec=CODEC[row], payload_out=CODEC[row],
                       payload_in=CODEC[row], digits_out=101, digits_in=101, speaks=True,
                       hears=True, also_in={8: 1, 9: 2, 11: 4, 12: 5})  # fmt: skip
            self.agents["queue"][row] = SPEECH[row]
            self.agents["policy"][row] = PAUSE_HOLD
        self.machine = Beat(self.media, Tuning())
        for row in self.machine.changed():
            self.machine.settle(row)

    def run(self, row: int, octets: bytes, now: float, missed: int) -> Outgoing:
        """A beat in which this has come for this row."""
        for own in self.rows:
            self.agents["written"][own] = self.lines["taken"][own] + 5
            held = self.lines["beat"][own] - self.lines["paused_beat"][own] > HELD
            if held or missed:
                self.agents["resumed"][own] = self.lines["pauses"][own]
        block = np.zeros((1, 1500), np.uint8)
        block[0, : len(octets)] = np.frombuffer(octets, np.uint8)
        received = Received(np.array([row]), block, np.array([len(octets)]), pack_all([PEER]))
        outgoing = self.machine.run([received] if row in self.rows else [], now, missed)
        control = [Control(row, octets, PEER, True)] if row in self.rows else []
        self.machine.reports.run(self.machine.rows, control, now)
        return outgoing


class Expected:
    """What a row's agent, and whoever hears it, may count on at every beat."""

    def __init__(self, lines: Lines, row: int) -> None:
        self._lines, self._row = lines, row
        self._sequence, self._timestamp = 65_530, 2**32 - 3 * 960
        self._marker = True
        self._mark = SILENT
        self._fact = dict.fromkeys(("taken", "pauses", "resumed"), 0)

    def check(self, packets: list[bytes], missed: int) -> None:
        self._check_packets(packets, missed)
        self._check_sound()

    def _check_packets(self, packets: list[bytes], missed: int) -> None:
        codec, ssrc = CODECS[CODEC[self._row]], 7 + self._row
        self._timestamp += missed * codec.clock // 50
        self._marker |= missed > 0
        head = struct.pack(
            ">BBHII", 0x80, self._marker << 7 | CODEC[self._row], self._sequence % 2**16,
            self._timestamp % 2**32, ssrc,
        )  # fmt: skip
        assert [packet[:12] for packet in packets] == [head]
        self._sequence += 1
        self._timestamp += codec.clock // 50
        self._marker = False

    def _check_sound(self) -> None:
        """Speech that begins stops the agent, and nothing else does."""
        lines, row, before = self._lines, self._row, self._fact
        self._fact = now = {name: int(lines[name][row]) for name in before}
        at = (lines["beat"][row] - 1) % len(lines["speech"][row])
        mark, said = lines["speech"][row, at], lines["said"][row, at]
        begins = self._mark == SILENT != mark
        was_paused = before["pauses"] != now["resumed"]
        assert now["pauses"] - before["pauses"] == (begins and not was_paused)
        paused = now["pauses"] != now["resumed"]
        assert now["taken"] - before["taken"] == (not paused)
        wanted = np.zeros(FRAME) if paused else SPEECH[row, before["taken"] % QUEUE]
        assert np.array_equal(said[FADE:], wanted[FADE:])
        self._mark = mark


_stages: list[Stage] = []


def beat(data: bytes) -> None:
    """Records are datagrams, of RTP and RTCP, for the two rows in turn."""
    if not _stages:
        _stages.extend(Stage(rows) for rows in ((0, 1), (0,), (1,)))
    for stage in _stages:
        stage.renew()
    both, *alone = _stages
    expected = [Expected(both.lines, row) for row in both.rows]
    now, quiet = 1.0, True
    for n, octets in enumerate(records(data)):
        missed = MISSED if octets.startswith(SLEEP) else 0
        now += 0.02 * (1 + missed)
        quiet &= octets[1:2] not in (b"\x0d", b"\x8d")
        sent = [packets(stage.run(n % 2, octets, now, missed)) for stage in _stages]
        assert sent[0].keys() <= {0, 1}
        for row in both.rows:
            expected[row].check(sent[0].get(row, []), missed)
            for name in (*FACTS, *(SOUNDS if quiet else ())):
                mine, lonely = (stage.lines[name][row] for stage in (both, alone[row]))
                assert np.array_equal(mine, lonely), (name, row)
            assert not quiet or sent[0][row] == sent[1 + row][row]


def packets(outgoing: Outgoing) -> dict[int, list[bytes]]:
    """By row; all go to the peer."""
    found: dict[int, list[bytes]] = {}
    for row, packet, length, target in zip(
        outgoing.rows.tolist(), outgoing.packets, outgoing.lengths.tolist(), outgoing.targets,
        strict=True,
    ):  # fmt: skip
        assert target.tobytes() == HERE
        found.setdefault(row, []).append(packet[:length].tobytes())
    return found


def records(data: bytes) -> Iterator[bytes]:
    """Behind an octet of length each."""
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
