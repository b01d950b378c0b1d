"""Rows of every codec, both ways, in packets of any length, and from one codec to another."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.lines import FRAME
from gateway_codecs import (
    CODECS,
    G722,
    L16,
    L16_NARROW,
    OPUS,
    PCMA,
    PCMU,
    Codec,
    Law,
    available,
    l16,
    opus,
)
from gateway_codecs import g722 as g722_module
from gateway_codecs.resample import Downsampler, Upsampler

ALL = pytest.mark.parametrize("codec", available(), ids=lambda c: f"{c.name}-{c.rate}")
OWN = np.array([0])


class Party:
    """The other end of a row: codes and decodes as a telephone would, with a clock of its own."""

    def __init__(self, codec: Codec, ms: int = 20, payload: int | None = None) -> None:
        self.codec, self.ms = codec, ms
        self.kind = codec.payload if payload is None else payload
        self._down, self._up = Downsampler(1), Upsampler(1)
        self._g722 = g722_module.Encoder(1), g722_module.Decoder(1)
        self._opus = (opus.Encoder(opus.Wishes()), opus.Decoder()) if codec is OPUS else None
        self.timestamp = 4_000_000_000

    def packets(self, stage, row: int, sound: np.ndarray, ssrc: int = 5) -> list:
        """16 kHz sound as datagrams, in packets of ``ms``."""
        size, out = 16 * self.ms, []
        if self.codec.rate == 8000:
            sound, size = self._down.run(OWN, sound[None])[0], size // 2
        for at in range(0, len(sound), size):
            octets = self._encode(sound[at : at + size])
            out.append(
                stage.rtp(row, octets, kind=self.kind, timestamp=self.timestamp % 2**32, ssrc=ssrc)
            )
            self.timestamp += self.ms * self.codec.clock // 1000
        return out

    def _encode(self, sound: np.ndarray) -> bytes:
        if isinstance(self.codec, Law):
            return self.codec.encode(sound).tobytes()
        if self.codec is G722:
            return self._g722[0].run(OWN, sound[None])[0].tobytes()
        return self._opus[0].run(sound) if self._opus else l16.encode(sound)

    def heard(self, sent: list) -> np.ndarray:
        """What it makes of the packets that it was sent, at 16 kHz."""
        sound = np.concatenate([self._decode(packet.payload) for packet in sent])
        if self.codec.rate == 8000:
            return self._up.run(OWN, sound[: len(sound) // 40 * 40][None])[0]
        return sound

    def _decode(self, octets: bytes) -> np.ndarray:
        if isinstance(self.codec, Law):
            return self.codec.decode(np.frombuffer(octets, np.uint8))
        if self.codec is G722:
            return self._g722[1].run(OWN, np.frombuffer(octets, np.uint8)[None])[0]
        return self._opus[1].run(octets) if self._opus else l16.decode(octets)


def tone(beats: int, hz: float = 500, peak: float = 8000) -> np.ndarray:
    t = np.arange(beats * FRAME) / 16_000
    return np.rint(peak * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def level(sound: np.ndarray, hz: float = 500) -> float:
    """How much of a tone there is, as its peak."""
    t = np.arange(len(sound)) / 16_000
    return float(2 * abs(np.mean(sound * np.exp(-2j * np.pi * hz * t))))


def agreed(codec: Codec, **more: object) -> dict[str, object]:
    index = CODECS.index(codec)
    return {"codec": index, "payload_in": codec.payload, "payload_out": codec.payload, **more}


def speak(stage, row: int, party: Party, sound: np.ndarray) -> None:
    """The peer speaks in real time."""
    packets = party.packets(stage, row, sound)
    beats = len(sound) // FRAME
    for beat in range(beats):
        first, last = (-(-n * 20 // party.ms) for n in (beat, beat + 1))
        stage.run(*packets[first:last])


@ALL
def test_what_the_peer_says_is_heard(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    speak(stage, 0, Party(codec), tone(30))
    assert level(stage.ring("heard", 0, 20)) == pytest.approx(8000, rel=0.1)
    assert stage.main["concealed"][0] == stage.main["lost"][0] == stage.main["garbage"][0] == 0


@ALL
def test_what_the_agent_says_is_sent(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    stage.say(0, tone(30))
    for _ in range(30):
        stage.run()
    assert level(Party(codec).heard(stage.sent)[3200:]) == pytest.approx(8000, rel=0.1)
    assert {p.kind for p in stage.sent} == {codec.payload}
    steps = {(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(stage.sent)}
    assert steps == {codec.clock // 50}
    assert [p.marker for p in stage.sent] == [True] + [False] * 29


@pytest.mark.parametrize(
    "codec", [c for c in available() if c.rate == 16_000], ids=lambda c: c.name
)
def test_wide_codecs_carry_what_the_telephone_cannot_from_end_to_end(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    stage.say(0, tone(30, 5000, 4000))
    party = Party(codec)
    speak(stage, 0, party, tone(30, 5000, 4000))
    assert level(stage.ring("heard", 0, 20), 5000) > 2000
    assert level(party.heard(stage.sent)[3200:], 5000) > 2000


@ALL
@pytest.mark.parametrize("ms", [10, 20, 40, 60])
def test_packets_that_come_in_any_length_are_heard_whole(stage, codec: Codec, ms: int) -> None:
    stage.open(0, **agreed(codec))
    sound = tone(60)
    speak(stage, 0, Party(codec, ms), sound)
    frames = stage.ring("heard", 0, 30).reshape(-1, FRAME).astype(int)
    assert (np.abs(frames).max(axis=1) > 6000).all()
    assert np.abs(np.diff(stage.ring("heard", 0, 30).astype(int))).max() < 3000


@ALL
@pytest.mark.parametrize("ms", [10, 20, 30, 40, 50, 60])
def test_packets_go_out_as_long_as_the_peer_wishes(stage, codec: Codec, ms: int) -> None:
    stage.open(0, **agreed(codec, ptime_ms=ms))
    stage.say(0, tone(60))
    for _ in range(60):
        stage.run()
    most = {OPUS: {30: 20, 50: 40}, L16: {40: 30, 50: 30, 60: 30}}.get(codec, {}).get(ms, ms)
    assert len(stage.sent) == 1200 // most
    steps = {(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(stage.sent)}
    assert steps == {most * codec.clock // 1000}
    assert {(b.sequence - a.sequence) % 2**16 for a, b in pairwise(stage.sent)} == {1}
    assert {codec.ticks(p.payload) for p in stage.sent} == {most * codec.clock // 1000}
    assert sum(p.marker for p in stage.sent) == 1
    assert level(Party(codec).heard(stage.sent)[3200:16_000]) == pytest.approx(8000, rel=0.1)


@ALL
def test_echo_returns_packets_as_they_came(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec, echo=True))
    packets = Party(codec).packets(stage, 0, tone(20))
    for packet in packets:
        stage.run(packet)
    assert [p.payload for p in stage.sent[1:]] == [octets[12:] for _, octets, _ in packets[:-1]]


@pytest.mark.parametrize("there", available(), ids=lambda c: f"to-{c.name}-{c.rate}")
@pytest.mark.parametrize("here", available(), ids=lambda c: f"{c.name}-{c.rate}")
def test_any_two_codecs_can_be_bridged(stage, here: Codec, there: Codec) -> None:
    """What one row hears is said on the other: both are 16 kHz, whatever is on the wire."""
    stage.open(0, **agreed(here))
    stage.open(1, **agreed(there))
    left, right = Party(here), Party(there)
    for a, b in zip(left.packets(stage, 0, tone(40)), right.packets(stage, 1, tone(40, 1200)),
                    strict=True):  # fmt: skip
        stage.run(a, b)
        stage.say(1, stage.ring("heard", 0, 1))
        stage.say(0, stage.ring("heard", 1, 1))
    to_left = left.heard([p for p in stage.sent if p.row == 0])
    to_right = right.heard([p for p in stage.sent if p.row == 1])
    assert level(to_right[4800:]) == pytest.approx(8000, rel=0.15)
    assert level(to_left[4800:], 1200) == pytest.approx(8000, rel=0.15)
    assert level(to_left[4800:]) < 400


CHANGES = [(a, b) for a in available() for b in available() if a is not b]


NAMES = [f"{a.name}-{a.rate}-{b.name}-{b.rate}" for a, b in CHANGES]


@pytest.mark.parametrize(("before", "after"), CHANGES, ids=NAMES)
def test_a_change_of_codec_leaves_no_gap_and_no_click(stage, before: Codec, after: Codec) -> None:
    stage.open(0, **agreed(before))
    first, second, sound = Party(before), Party(after), tone(60, 300)
    for packet in first.packets(stage, 0, sound[: 30 * FRAME]):
        stage.say(0, tone(1, 300))
        stage.run(packet)
    ssrc = stage.main["ssrc"][0]
    stage.open(0, **agreed(after))
    assert (stage.main["ssrc"][0] == ssrc) == (before.clock == after.clock)
    if before.clock == after.clock:
        second.timestamp = first.timestamp
    for packet in second.packets(stage, 0, sound[30 * FRAME :]):
        stage.say(0, tone(1, 300))
        stage.run(packet)
    heard = stage.ring("heard", 0, 50)
    frames = heard.reshape(-1, FRAME).astype(int)
    quiet = np.abs(frames).max(axis=1) < 3000
    assert quiet.sum() <= 1, "only a decoder that warms up may swallow a frame"
    assert np.abs(np.diff(heard.astype(int))).max() < 2500
    assert stage.main["garbage"][0] == 0
    assert [p.kind for p in stage.sent] == [before.payload] * 30 + [after.payload] * 30
    assert stage.main["lost"][0] == 0


def test_what_was_agreed_on_before_may_still_come_after_a_change(stage) -> None:
    stage.open(0, **agreed(PCMU))
    old = Party(PCMU).packets(stage, 0, tone(8))
    for packet in old[:5]:
        stage.run(packet)
    stage.open(0, **agreed(PCMA))
    for packet in old[5:]:
        stage.run(packet)
    assert stage.main["garbage"][0] == 0
    assert level(stage.ring("heard", 0, 3)) == pytest.approx(8000, rel=0.1)


def test_what_else_was_agreed_on_may_come_too(stage) -> None:
    stage.open(0, **agreed(PCMU, also_in={9: CODECS.index(G722), 8: CODECS.index(PCMA)}))
    for codec in (G722, PCMA):
        speak(stage, 0, Party(codec), tone(20))
        assert level(stage.ring("heard", 0, 10)) == pytest.approx(8000, rel=0.1)
    assert {p.kind for p in stage.sent} == {0}


@ALL
def test_another_process_goes_on_without_a_bang(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    party = Party(codec)
    packets = party.packets(stage, 0, tone(60, 700))
    for n, packet in enumerate(packets):
        if n == 30:
            stage.another_process()
        stage.say(0, tone(1, 700))
        stage.run(packet)
    heard, sent = stage.ring("heard", 0, 30), party.heard(stage.sent)[30 * FRAME :]
    for sound in (heard, sent):
        assert np.abs(sound.astype(int)).max() < 12_000
        assert level(sound[3200:], 700) == pytest.approx(8000, rel=0.1)


@ALL
def test_a_lost_packet_is_made_up_for(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    for n, packet in enumerate(Party(codec).packets(stage, 0, tone(30))):
        stage.run(*([] if n == 20 else [packet]))
    assert stage.main["lost"][0] == stage.main["concealed"][0] == 1
    frames = stage.ring("heard", 0, 20).reshape(-1, FRAME).astype(int)
    assert (np.abs(frames).max(axis=1) > 4000).all()
    assert np.abs(np.diff(frames.ravel())).max() < 4000


@ALL
def test_another_talker_on_the_row_begins_without_a_bang(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    speak(stage, 0, Party(codec), tone(20, peak=20_000))
    for packet in Party(codec).packets(stage, 0, tone(30, peak=500), ssrc=99):
        stage.run(packet)
    assert np.abs(stage.ring("heard", 0, 28).astype(int)).max() < 700
    assert level(stage.ring("heard", 0, 20)) == pytest.approx(500, rel=0.2)


@ALL
def test_a_peer_that_stops_is_silent_soon(stage, codec: Codec) -> None:
    stage.open(0, **agreed(codec))
    speak(stage, 0, Party(codec), tone(20))
    for _ in range(60):
        stage.run()
    assert np.abs(stage.ring("heard", 0, 5).astype(int)).max() < 100
    assert stage.main["concealed"][0] <= 6


def test_noise_is_heard_where_the_peer_says_that_it_is_silent_until_it_speaks(stage) -> None:
    stage.open(0, **agreed(G722))
    party = Party(G722)
    speak(stage, 0, party, tone(10))
    stage.run(stage.rtp(0, b"\x32", kind=13, timestamp=party.timestamp % 2**32))
    for _ in range(20):
        stage.run()
    rms = np.sqrt(np.mean(stage.ring("heard", 0, 10).astype(float) ** 2))
    assert rms == pytest.approx(32768 * 10 ** (-50 / 20), rel=0.2)
    assert stage.main["concealed"][0] == 0
    party.timestamp += 21 * 160
    speak(stage, 0, party, tone(10))
    assert level(stage.ring("heard", 0, 5)) == pytest.approx(8000, rel=0.1)


def test_a_row_that_may_be_silent_sends_noise_once_in_a_while_instead(stage) -> None:
    stage.open(0, **agreed(PCMU, comfort_out=13))
    stage.say(0, tone(5))
    for _ in range(60):
        stage.run()
    stage.say(0, tone(5))
    for _ in range(5):
        stage.run()
    kinds = [p.kind for p in stage.sent]
    assert kinds[:14] == [0] * 14
    assert [len(p.payload) for p in stage.sent if p.kind == 13] == [1, 1]
    again = stage.sent[-5]
    assert (again.kind, again.marker) == (0, True)
    assert (again.timestamp - stage.sent[0].timestamp) % 2**32 == 60 * 160
    assert {(b.sequence - a.sequence) % 2**16 for a, b in pairwise(stage.sent)} == {1}


@pytest.mark.skipif(not opus.available(), reason="libopus is not installed")
def test_opus_is_silent_if_the_peer_wishes(stage) -> None:
    stage.open(0, **agreed(OPUS, opus=opus.Wishes(dtx=True)))
    for _ in range(100):
        stage.run()
    assert len(stage.sent) < 60
    stage.say(0, tone(5))
    (packet,) = stage.run()
    assert packet.marker
    assert (packet.timestamp - stage.sent[0].timestamp) % 2**32 == 100 * 960


@pytest.mark.skipif(not opus.available(), reason="libopus is not installed")
@pytest.mark.parametrize(("clock", "step"), [(48_000, 960), (8000, 160)])
def test_digits_count_on_the_clock_that_was_agreed_on(stage, clock: int, step: int) -> None:
    line = stage.open(0, **agreed(OPUS, digits_clock=clock))
    line.dial("5")
    for _ in range(10):
        stage.run()
    events = [p for p in stage.sent if p.kind == 101]
    lengths = [int.from_bytes(p.payload[2:4], "big") for p in events]
    assert lengths == [step, 2 * step, 3 * step, 4 * step] + [5 * step] * 3
    for beat in range(1, 4):
        event = b"\x03\x0a" + (beat * step).to_bytes(2, "big")
        stage.run(stage.rtp(0, event, kind=101, timestamp=5))
    assert stage.main["digits"][0] == 1


def test_rows_of_all_codecs_beat_together(stage) -> None:
    parties = {row: Party(codec) for row, codec in enumerate(available())}
    for row, party in parties.items():
        stage.open(row, **agreed(party.codec))
    streams = [party.packets(stage, row, tone(30)) for row, party in parties.items()]
    for packets in zip(*streams, strict=True):
        for row in parties:
            stage.say(row, tone(1))
        stage.run(*packets)
    for row, party in parties.items():
        assert level(stage.ring("heard", row, 20)) == pytest.approx(8000, rel=0.1)
        assert len([p for p in stage.sent if p.row == row]) == 30
        assert party.heard([p for p in stage.sent if p.row == row]).any()


ANYTHING = st.builds(
    lambda first, kind, rest: bytes([first, kind]) + rest,
    st.integers(0x80, 0xBF),
    st.sampled_from([0, 9, 13, 107, 108, 109, 101, 128 + 107]),
    st.binary(min_size=10, max_size=300),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 5), ANYTHING), max_size=6), max_size=12))
def test_nothing_a_network_brings_to_any_codec_stops_the_beat(
    new_stage, beats: list[list[tuple[int, bytes]]]
) -> None:
    stage = new_stage()
    for row, codec in enumerate(available()):
        others = {c.payload: n for n, c in enumerate(CODECS) if c in (PCMU, G722, L16_NARROW)}
        stage.open(row, **agreed(codec, also_in=others))
    for datagrams in beats:
        stage.run(*((row, octets, ("192.0.2.7", 4000)) for row, octets in datagrams))
    assert (stage.main["sent"][: len(available())] == len(beats)).all()
    stage.close()
