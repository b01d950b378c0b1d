"""Two peers of one codec that nobody listens to: packets go through as they came."""

from itertools import pairwise

import numpy as np
import pytest

from gateway.media.lines import FRAME, RING
from gateway.rtp.digits import KEYS
from gateway_codecs import CODECS, G722, OPUS, available, g722, opus

PCMU, PCMA = 0, 1
NAMES = [codec.name for codec in CODECS]
TONE = np.rint(8000 * np.sin(2 * np.pi * 500 * np.arange(160 * 200) / 8000)).astype(np.int16)
FRAMES = TONE.reshape(-1, 160)


def steps(numbers: list[int], bits: int) -> list[int]:
    return [(after - before) % 2**bits for before, after in pairwise(numbers)]


class Pair:
    """Rows 0 and 1, bridged, without agents; both peers send a random octet string a beat."""

    def __init__(self, stage, codec: int = PCMU, **changes: object) -> None:
        self.stage, self.kind = stage, CODECS[codec].payload
        agreed = {"codec": codec, "payload_in": self.kind, "payload_out": self.kind}
        self.a, self.b = (stage.open(row, **{**agreed, **changes}) for row in (0, 1))
        self.a.give_agent(None)
        self.b.give_agent(None)
        self.a.bridge(self.b)
        self.rng = np.random.default_rng(1)
        self.sent: dict[int, list[bytes]] = {0: [], 1: []}

    def run(self, *bodies: bytes, beats: int = 1) -> None:
        """``bodies`` of both, or random ones; b"" is lost."""
        for _ in range(beats):
            packets = []
            for row in (0, 1):
                body = bodies[row] if bodies else self.rng.integers(0, 256, 160, np.uint8).tobytes()
                self.sent[row].append(body)
                packet = self.stage.rtp(row, body or b"x" * 160, kind=self.kind)
                packets += [packet] if body else []
            self.stage.run(*packets)

    def got(self, row: int) -> list:
        return [packet for packet in self.stage.sent if packet.row == row]

    def sound(self, row: int, beats: int) -> np.ndarray:
        return self.stage.ring("said", row, beats).astype(int)


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_packets_of_equal_codecs_go_through_byte_for_byte(stage, codec: int) -> None:
    pair = Pair(stage, codec)
    pair.run(beats=20)
    for row, other in ((0, 1), (1, 0)):
        got = pair.got(row)[-18:]
        assert [packet.payload for packet in got] == pair.sent[other][1:19]
        assert {packet.ssrc for packet in got} == {1000 + row}
        assert steps([p.sequence for p in got], 16) == [1] * 17
        assert steps([p.timestamp for p in got], 32) == [160] * 17
        assert not any(packet.marker for packet in got)
    assert not stage.main["heard"][:2].any()  # nothing was decoded


def test_opus_goes_through_whatever_its_packets_are(stage) -> None:
    if OPUS not in available():
        pytest.skip("no libopus here")
    pair = Pair(stage, CODECS.index(OPUS))
    encoder = opus.Encoder(opus.Wishes())
    sound = np.repeat(TONE, 2)
    sent = []
    for n in range(12):  # 40 ms each
        body = encoder.run(sound[n * 640 : n * 640 + 640])
        sent.append(body)
        packets = [stage.rtp(row, body, kind=pair.kind, timestamp=n * 1920) for row in (0, 1)]
        stage.run(*packets)
        stage.run()
    got = [packet for packet in pair.got(0) if packet.payload in sent]
    assert [packet.payload for packet in got[-8:]] == sent[4:]
    assert steps([p.timestamp for p in got[-8:]], 32) == [1920] * 7
    assert steps([p.sequence for p in got[-8:]], 16) == [1] * 7


def test_what_was_lost_on_the_way_in_is_missing_on_the_way_out(stage) -> None:
    pair = Pair(stage)
    pair.run(beats=10)
    pair.run(b"a" * 160, b"")
    pair.run(beats=10)
    got = pair.got(0)
    assert steps([p.sequence for p in got], 16) == [1] * 9 + [2] + [1] * 8
    assert steps([p.timestamp for p in got], 32) == [160] * 9 + [320] + [160] * 8
    assert not any(packet.marker for packet in got[1:])


@pytest.mark.parametrize("why", ["agent", "recording", "follower", "gain", "third"])
def test_it_is_decoded_when_somebody_listens_and_passed_on_again_after(stage, why: str) -> None:
    pair = Pair(stage)
    third = stage.open(2)
    pair.run(beats=5)
    begin, end = {
        "agent": (lambda: pair.a.give_agent(0), lambda: pair.a.give_agent(None)),
        "recording": (lambda: pair.b.followers(1), lambda: pair.b.followers(-1)),
        "follower": (lambda: taps.append(pair.a.listen()), lambda: taps[0].close()),
        "gain": (lambda: pair.a.hear(pair.b, -3), lambda: pair.a.hear(pair.b)),
        "third": (lambda: third.hear(pair.a), lambda: third.unhear(pair.a)),
    }[why]
    taps: list = []
    begin()
    pair.run(beats=5)
    assert stage.ring("heard", 0, 4).reshape(4, FRAME).any(axis=1).all()
    end()
    pair.run(beats=5)
    assert not stage.main["heard"][:2].any()
    assert [p.payload for p in pair.got(1)[-3:]] == pair.sent[0][-4:-1]
    assert steps([p.sequence for p in pair.got(1)], 16) == [1] * 13
    assert steps([p.timestamp for p in pair.got(1)], 32) == [160] * 13


def test_who_begins_to_listen_hears_no_gap_and_no_click(stage) -> None:
    pair = Pair(stage)
    bodies = [CODECS[PCMU].encode(frame).tobytes() for frame in FRAMES]
    for body in bodies[:20]:
        pair.run(body, body)
    with pair.a.listen() as tap:
        for body in bodies[20:30]:
            pair.run(body, body)
        both = tap.stereo().astype(int)
    steepest = 8000 * 2 * np.pi * 500 / 16_000
    for side in both.T:
        assert np.abs(side[:32]).max() > 7000  # from the first period on
        assert np.abs(np.diff(side)).max() < 1.2 * steepest


def test_g722_is_decoded_again_at_its_loudness(stage) -> None:
    pair = Pair(stage, CODECS.index(G722))
    encoder = g722.Encoder(1)
    bodies = [encoder.run(np.array([0]), np.repeat(frame, 2)[None])[0].tobytes()
              for frame in FRAMES]  # fmt: skip
    for body in bodies[:20]:
        pair.run(body, body)
    assert [p.payload for p in pair.got(0)[-3:]] == bodies[16:19]
    with pair.a.listen() as tap:
        for body in bodies[20:30]:
            pair.run(body, body)
        both = tap.stereo().astype(int)
    rms = np.sqrt((both[: 2 * FRAME].astype(float) ** 2).mean(axis=0))
    assert rms == pytest.approx([8000 / 2**0.5] * 2, rel=0.1)


@pytest.mark.parametrize(
    "other",
    [{"codec": PCMA, "payload_in": 8, "payload_out": 8}, {"ptime_ms": 30}, {"digits_in": None},
     {"speaks": False}],
    ids=["codec", "packet length", "keys in the sound", "held"],
)  # fmt: skip
def test_what_is_not_equal_is_decoded(stage, other: dict[str, object]) -> None:
    pair = Pair(stage)
    stage.open(1, **other)
    pair.run(beats=8)
    assert stage.ring("heard", 0, 4).any()


def test_comfort_noise_is_heard_by_the_other_side(stage) -> None:
    pair = Pair(stage)
    loud = CODECS[PCMU].encode(FRAMES[1]).tobytes()
    for _ in range(10):
        pair.run(loud, loud)
    stage.run(stage.rtp(0, b"\x20", kind=13), stage.rtp(1, loud))
    for _ in range(10):
        stage.run(stage.rtp(1, loud))
    noise = stage.ring("said", 1, 5).astype(float)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(32768 * 10 ** (-32 / 20), rel=0.3)
    assert [p.payload for p in pair.got(1)[-5:]].count(b"") == 0


def test_a_key_is_still_sent(stage) -> None:
    pair = Pair(stage)
    pair.run(beats=5)
    pair.a.dial("5")
    pair.run(beats=20)
    assert any(packet.kind == 101 and packet.payload[0] == KEYS.index("5")
               for packet in pair.got(0))  # fmt: skip
    assert not pair.a.dialling
    assert [p.payload for p in pair.got(0)[-3:]] == pair.sent[1][-4:-1]


def test_another_process_goes_on_passing_on(stage) -> None:
    pair = Pair(stage)
    pair.run(beats=10)
    stage.another_process()
    pair.run(beats=10)
    assert set(steps([p.sequence for p in pair.got(0)], 16)) == {1}
    assert [p.payload for p in pair.got(0)[-5:]] == pair.sent[1][-6:-1]


def test_who_is_left_behind_hears_its_agent_again(stage) -> None:
    pair = Pair(stage)
    pair.run(beats=5)
    pair.b.part()
    stage.main["live"][1] = 0
    stage.main["settings"][1] += 1
    stage.settle()
    stage.main.clear(1)
    pair.a.give_agent(0)
    stage.say(0, np.full(RING * FRAME, 5000, np.int16)[: 10 * FRAME])
    for _ in range(6):
        stage.run(stage.rtp(0, b"\xff" * 160))
    assert stage.ring("said", 0, 1)[-1] == 5000
    assert not stage.main["said"][1].any()
