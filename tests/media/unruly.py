"""A beat among unruly company: peers that send anything, a main that changes everything, agents,
successors and missed beats, all by a seed; and what must hold however they behave.

    python -m tests.media.unruly SECONDS [first seed]
"""

import random
import struct
import sys
import time
from collections.abc import Callable

import numpy as np

from gateway.media.line import Line
from gateway.media.lines import FRAME, NO_AGENT, NO_PAYLOAD, QUEUE
from gateway.media.reports import Control
from gateway.rtp import rtcp
from gateway_codecs import CODECS, L16, OPUS, Codec, Law, available, comfort, g722, l16, opus
from tests.media.conftest import PEER, Packet, Stage

ROWS = 7  # and one more: a witness, whose peer is well-behaved and hears its echo
WITNESS = ROWS
KEYS = 101
SIZES = (10, 20, 20, 20, 30, 40, 60)  # ms
OWN = np.array([0])


class Peer:
    """One row's: a stream that is mostly in order."""

    def __init__(self, rng: random.Random, row: int) -> None:
        self.rng, self.row = rng, row
        self.codec: Codec = CODECS[0]
        self.ssrc, self.sequence = rng.getrandbits(32), rng.getrandbits(16)
        self.timestamp = rng.getrandbits(32)
        self.kept: list[bytes] = []
        self._g722 = g722.Encoder(1)
        self._opus = opus.Encoder(opus.Wishes(fec=True, dtx=True)) if opus.available() else None

    def datagrams(self) -> list[bytes]:
        """What comes of it in one beat."""
        rng = self.rng
        match rng.randrange(40):
            case 0:
                self.timestamp += rng.choice([-50_000, 8000, 2**31, 960, 1])
            case 1:
                self.sequence += rng.choice([-5000, -3, 4, 10_000])
            case 2:
                self.ssrc = rng.getrandbits(32)
            case 3:
                self.codec = rng.choice(available())
        out = [self._packet() for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 2, 3)))]
        self.kept = [*self.kept, *out][-12:]
        if self.kept and rng.random() < 0.1:
            out.append(rng.choice(self.kept))
        if self.kept and rng.random() < 0.1:
            out.append(self._spoilt(rng.choice(self.kept)))
        if rng.random() < 0.05:
            rng.shuffle(out)
        return out

    def _packet(self) -> bytes:
        rng = self.rng
        ms = rng.choice(SIZES)
        kind, payload = self.codec.payload, self._sound(ms)
        chance = rng.random()
        if chance < 0.05:
            kind, payload = KEYS, bytes([rng.randrange(20), rng.getrandbits(8)]) + rng.randbytes(2)
        elif chance < 0.1:
            kind, payload = comfort.PAYLOAD, rng.randbytes(rng.randrange(14))
        elif chance < 0.15:
            payload = rng.randbytes(rng.randrange(300))
        marked = 0x80 * (rng.random() < 0.05)
        head = struct.pack(">BBHII", 0x80, marked | kind, self.sequence % 2**16,
                           self.timestamp % 2**32, self.ssrc)  # fmt: skip
        self.sequence += 1
        self.timestamp += ms * self.codec.clock // 1000
        return head + payload

    def _sound(self, ms: int) -> bytes:
        codec, loud = self.codec, self.rng.choice((0, 300, 9000, 32_000))
        samples = np.arange(ms * codec.rate // 1000)
        sound = np.rint(loud * np.sin(samples * self.rng.uniform(0.01, 2))).astype(np.int16)
        if isinstance(codec, Law):
            return codec.encode(sound).tobytes()
        if codec is OPUS and self._opus:
            return self._opus.run(sound[:320] if ms == 30 else sound)
        return l16.encode(sound) if codec.name == L16.name else self._g722.run(
            OWN, sound[None])[0].tobytes()  # fmt: skip

    def _spoilt(self, octets: bytes) -> bytes:
        at = self.rng.randrange(len(octets))
        twin = octets[:at] + bytes([octets[at] ^ 1 << self.rng.randrange(8)]) + octets[at + 1 :]
        return self.rng.choice([twin, octets[:at], octets + self.rng.randbytes(30)])


class Unruly:
    """One seed's company. AssertionError, or whatever the beat raises, is a fault."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.stage = Stage(ROWS + 1)
        self.peers = [Peer(self.rng, row) for row in range(ROWS)]
        self.lines: dict[int, Line] = {}
        self.taps: list[object] = []
        self.last: dict[int, Packet] = {}
        self.told = self.heard = 0  # numbers of the witness's packets
        self.unheard = 0  # beats in a row in which it heard none of them
        self.stage.open(WITNESS, echo=True)
        self.does: list[Callable[[int], None]] = [
            self.agree, self.agree, self.give_back, self.bridge, self.bridge, self.mix, self.sounds,
            self.agent, self.agent, self.dial, self.follow, self.report, self.report,
        ]  # fmt: skip

    def run(self, beats: int) -> None:
        for _ in range(beats):
            if self.rng.random() < 0.5:
                self.rng.choice(self.does)(self.rng.randrange(ROWS))
            if self.rng.random() < 0.005:
                self.stage.another_process()
            self.beat(0 if self.rng.random() < 0.98 else self.rng.choice([1, 3, 40, 300]))
        self.stage.close()

    # What main does.

    def agree(self, row: int) -> None:
        rng = self.rng
        codec = rng.choice(available())
        self.peers[row].codec = rng.choice([codec, codec, codec, rng.choice(available())])
        others = {c.payload: n for n, c in enumerate(CODECS) if rng.random() < 0.5 and c != codec}
        noise = rng.choice([None, comfort.PAYLOAD])
        self.lines[row] = self.stage.open(
            row, codec=CODECS.index(codec), payload_in=codec.payload,
            payload_out=rng.choice([codec.payload, 96]), also_in=others,
            digits_in=rng.choice([None, KEYS]), digits_out=rng.choice([None, KEYS]),
            digits_clock=rng.choice([8000, 48_000]), comfort_in=noise, comfort_out=noise,
            speaks=rng.random() < 0.9, hears=rng.random() < 0.9, echo=rng.random() < 0.1,
            ptime_ms=rng.choice(SIZES), rtcp_mux=rng.random() < 0.5, rtcp_xr=rng.random() < 0.5,
            host=rng.choice([PEER[0], PEER[0], "0.0.0.0"]),
            opus=opus.Wishes(rng.choice([0, 6000, 16_000]), rng.choice([0, 8000, 16_000]),
                             *(rng.random() < 0.3 for _ in range(3))),
        )  # fmt: skip
        agents = self.stage.main["agent"]
        agents[row] = rng.choice([0, NO_AGENT])
        self.stage.main["denoise"][row] = rng.random() < 0.1

    def give_back(self, row: int) -> None:
        if line := self.lines.pop(row, None):
            line.part()
            main = self.stage.main
            main["live"][row] = 0
            main["settings"][row] += 1
            self.stage.settle()
            assert main["applied"][row] == main["settings"][row]
            main.clear(row)
            self.last.pop(row, None)

    def _other(self) -> Line | None:
        return self.rng.choice([*self.lines.values()]) if self.lines else None

    def bridge(self, row: int) -> None:
        line, other = self.lines.get(row), self._other()
        if line and other and line is not other:
            full = [its for its in (line, other) if self.stage.main["sources"][its.row].all()]
            if self.rng.random() < 0.3 or full:
                line.unbridge(other)
            else:
                line.bridge(other)
                self.stage.main["agent"][[row, other.row]] = self.rng.choice([0, NO_AGENT])
                self.peers[other.row].codec = self.peers[row].codec

    def mix(self, row: int) -> None:
        if line := self.lines.get(row):
            chosen = [its for its in self.lines.values() if self.rng.random() < 0.3]
            roomy = [its for its in chosen if not self.stage.main["sources"][its.row].all()]
            match self.rng.randrange(4):
                case 0:
                    line.agent_to(*roomy)
                case 1:
                    line.agent_hears(*chosen[:6])
                case 2:
                    line.mute_peer(self.rng.random() < 0.3)
                case 3:
                    line.mute_agent(self.rng.random() < 0.3)

    def sounds(self, row: int) -> None:
        if line := self.lines.get(row):
            match self.rng.randrange(5):
                case 0:
                    line.tone(self.rng.choice(["ringback", "busy", "beep"]))
                case 1:
                    line.background(self.rng.choice(["office", None]))
                case 2:
                    line.play("hold", self.rng.choice([0, -20]), once=self.rng.random() < 0.5)
                case _:
                    line.stop()

    def agent(self, row: int) -> None:
        """Speech, a cut, or a pause that is over."""
        agent, rng = self.stage.agent, self.rng
        if not self.stage.main["live"][row]:
            return
        agent["policy"][row] = rng.randrange(3)
        waiting = int(agent["written"][row] - agent["taken"][row])
        frames = rng.randrange(max(1, min(60, QUEUE - max(waiting, 0))))
        self.stage.say(row, np.full(frames * FRAME, rng.choice([0, 50, 12_000, -32_768]), np.int16))
        if rng.random() < 0.3:
            agent["drop_to"][row] = int(agent["written"][row]) - rng.randrange(5)
        if rng.random() < 0.5:
            agent["resumed"][row] = agent["pauses"][row]

    def dial(self, row: int) -> None:
        line = self.lines.get(row)
        if line and not line.dialling:
            line.dial("".join(self.rng.choices("0123456789*#ABCD", k=self.rng.randrange(1, 6))))

    def follow(self, row: int) -> None:
        if line := self.lines.get(row):
            tap = line.listen()
            tap.mixed()
            if self.rng.random() < 0.5:
                tap.close()

    def report(self, row: int) -> None:
        rng, main = self.rng, self.stage.main
        sender = rtcp.Sender(rng.getrandbits(64), rng.getrandbits(32), 5, 800)
        anything = (rng.getrandbits(32) for _ in range(4))
        block = rtcp.Report(int(main["ssrc"][row]), rng.random(), rng.randrange(-9, 900), *anything)
        octets = rtcp.write(rng.getrandbits(32), "x@y", sender=sender, reports=[block])
        if rng.random() < 0.5:
            at = rng.randrange(len(octets))
            octets = octets[:at] + rng.randbytes(3) + octets[at + 2 :]
        reports, now = self.stage.beat.reports, self.stage.now
        sent = reports.run(self.stage.beat.rows, [Control(row, octets, PEER, True)], now)
        assert not reports.faults, reports.faults
        for control in sent:
            rtcp.parse(control.data)

    # What must hold.

    def beat(self, missed: int) -> None:
        main = self.stage.main
        before = main["beat"].copy()
        opened = [row for row in range(ROWS + 1) if main["live"][row]]
        came = [
            (peer.row, octets, PEER if self.rng.random() < 0.98 else ("198.51.100.9", 9))
            for peer in self.peers
            for octets in peer.datagrams()
            if main["live"][peer.row]
        ]
        came += [(WITNESS, self.numbered(), PEER) for _ in range(1 + missed)][-8:]
        sent = self.stage.run(*came, missed=missed)
        assert (main["beat"][opened] == before[opened] + 1 + missed).all()
        for packet in sent:
            self.check(packet)
        (echo,) = (packet.payload for packet in sent if packet.row == WITNESS)
        number = int.from_bytes(echo[:4], "big")
        if echo == number.to_bytes(4, "big") * 40 and number <= self.told:
            assert self.told - 10 <= number
            assert self.heard < number, "the witness heard itself twice"
            self.heard, self.unheard = number, 0
        else:
            self.unheard += 1
        assert self.unheard <= 12, "the witness hears nothing any more"

    def numbered(self) -> bytes:
        self.told += 1
        head = struct.pack(">BBHII", 0x80, 0, self.told % 2**16, 160 * self.told, 5)
        return head + self.told.to_bytes(4, "big") * 40

    def check(self, packet: Packet) -> None:
        main, row = self.stage.main, packet.row
        kinds = {int(main[name][row]) for name in ("payload_out", "digits_out", "comfort_out")}
        assert packet.kind in kinds - {NO_PAYLOAD}, packet.kind
        assert main["speaks"][row], "the peer holds us"
        assert packet.target[1] in (PEER[1], 9), packet.target
        if packet.kind == main["payload_out"][row]:
            ticks = CODECS[main["codec"][row]].ticks(packet.payload)
            assert 0 < ticks <= CODECS[main["codec"][row]].clock * 120 // 1000, ticks
        last = self.last.get(row)
        if last and last.ssrc == packet.ssrc:
            ahead = (packet.sequence - last.sequence) % 2**16
            assert 1 <= ahead <= 60, f"row {row}: the sequence jumps by {ahead}"
        self.last[row] = packet


if __name__ == "__main__":
    until, seed = time.monotonic() + float(sys.argv[1]), int(([*sys.argv, "0"])[2])
    beats = 0
    while time.monotonic() < until:
        try:
            Unruly(seed).run(400)
        except BaseException:
            print(f"seed {seed}")
            raise
        seed, beats = seed + 1, beats + 400
    print(f"{seed} seeds, {beats} beats of {ROWS + 1} rows")
