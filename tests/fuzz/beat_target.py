"""The beat as a whole, with two rows whose agents say something of their own: whatever comes, what
goes out follows from RTP and from what the agents said, and neither row has a part in the other's
sound."""

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
FIRST, BEGIN = 65_530, 2**32 - 3 * 960  # sequence number and timestamp, just before they wrap
FADE = 80  # samples in which sound begins or breaks off
PHRASE, SPOKEN = 9, (6, 8)  # beats, of which each row's agent has something to say in these
HELD = 12  # beats after which the agent goes on
SLEEP = b"\xff\xff"  # a datagram that begins so comes after some beats that did not take place
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
            self.lines.seed(row, FIRST, BEGIN)
            line.agree(host=PEER[0], port=PEER[1], codec=CODEC[row], payload_out=CODEC[row],
                       payload_in=CODEC[row], digits_out=101, digits_in=101, speaks=True,
                       hears=True, also_in={8: 1, 9: 2, 11: 4, 12: 5})  # fmt: skip
            self.agents["queue"][row] = SPEECH[row]
            self.agents["policy"][row] = PAUSE_HOLD
        self.machine = Beat(self.media, Tuning())
        for row in self.machine.changed():
            self.machine.settle(row)

    def run(self, came: list[bytes], now: float, missed: int) -> Outgoing:
        """A beat in which these datagrams have come, for one row each."""
        for own in self.rows:
            at = self.lines["beat"][own]
            if at % PHRASE < SPOKEN[own]:
                self.agents["written"][own] = self.lines["taken"][own] + 1
            held = at - self.lines["paused_beat"][own] > HELD
            if held or missed:
                self.agents["resumed"][own] = self.lines["pauses"][own]
        its = [row for row in self.rows if row < len(came)]
        block = np.zeros((len(its), 1500), np.uint8)
        for place, row in zip(block, its, strict=True):
            place[: len(came[row])] = np.frombuffer(came[row], np.uint8)
        lengths = np.array([len(came[row]) for row in its], np.int64)
        received = Received(np.array(its, np.int64), block, lengths, pack_all([PEER] * len(its)))
        outgoing = self.machine.run([received], now, missed)
        controls = [Control(row, came[row], PEER, True) for row in its]
        self.machine.reports.run(self.machine.rows, controls, now)
        return outgoing


class Expected:
    """What a row's agent, and whoever hears it, may count on at every beat."""

    def __init__(self, lines: Lines, row: int) -> None:
        self._lines, self._row = lines, row
        self._sequence, self._timestamp = FIRST, BEGIN
        self._octets = 0
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
        payload = packets[0][12:]
        assert codec.ticks(payload) == codec.clock // 50
        self._octets += len(payload)
        self._sequence += 1
        counted = self._lines["sent"][self._row], self._lines["octets"][self._row]
        assert counted == (self._sequence - FIRST, self._octets)
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
        waits = lines["written"][row] > before["taken"]
        assert now["pauses"] - before["pauses"] == (begins and waits and not was_paused)
        speaks = waits and now["pauses"] == now["resumed"]
        assert now["taken"] - before["taken"] == speaks
        wanted = SPEECH[row, before["taken"] % QUEUE] if speaks else np.zeros(FRAME)
        assert np.array_equal(said[FADE:], wanted[FADE:])
        self._mark = mark


_stages: list[Stage] = []


def beat(data: bytes) -> None:
    """Records are datagrams, of RTP and RTCP, for the two rows in turn: two come at each beat."""
    if not _stages:
        _stages.extend(Stage(rows) for rows in ((0, 1), (0,), (1,)))
    lonely = len(data) % 2
    both, alone = _stages[0], _stages[1 + lonely]
    expected = [Expected(both.lines, row) for row in both.rows]
    both.renew()
    alone.renew()
    now, quiet = 1.0, True
    datagrams = list(records(data))
    for n in range(0, len(datagrams), 2):
        came = datagrams[n : n + 2]
        missed = MISSED if came[0].startswith(SLEEP) else 0
        now += 0.02 * (1 + missed)
        quiet &= all(octets[1:2] not in (b"\x0d", b"\x8d") for octets in came)
        sent, sent_alone = (packets(its.run(came, now, missed)) for its in (both, alone))
        assert sent.keys() <= {0, 1}
        for row in both.rows:
            expected[row].check(sent.get(row, []), missed)
        for name in (*FACTS, *(SOUNDS if quiet else ())):
            same = np.array_equal(both.lines[name][lonely], alone.lines[name][lonely])
            assert same, (name, lonely)
        assert not quiet or sent[lonely] == sent_alone[lonely]


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
