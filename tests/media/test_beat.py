"""A beat over all rows: packets in, sound in the rings, packets out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.lines import FRAME, RING
from gateway.rtp.digits import KEYS
from gateway.rtp.tones import TONES
from gateway_codecs import CODECS

# Anything, and things that look like RTP of ours until one looks closer.
DATAGRAM = st.one_of(
    st.binary(max_size=400),
    st.builds(
        lambda first, kind, rest: bytes([first, kind]) + rest,
        st.integers(0x80, 0xBF),
        st.sampled_from([0, 8, 13, 101, 128, 136, 229]),
        st.binary(min_size=10, max_size=600),
    ),
)
TONE = np.rint(8000 * np.sin(2 * np.pi * 500 * np.arange(1600 * 2) / 8000)).astype(np.int16)


@pytest.mark.parametrize("codec", [0, 1], ids=["PCMU", "PCMA"])
def test_what_the_peer_says_is_heard_at_16_khz(stage, codec: int) -> None:
    stage.open(2, codec=codec, payload_in=8 * codec, payload_out=8 * codec)
    stage.hear(2, TONE, codec)
    heard = stage.ring("heard", 2, 10).astype(float)
    t = np.arange(len(heard)) / 16_000
    level = 2 * abs(np.mean(heard * np.exp(-2j * np.pi * 500 * t)))
    assert level == pytest.approx(8000, rel=0.03)
    assert stage.main["received"][2] == 20
    assert stage.main["beat"][2] == 20


@pytest.mark.parametrize("codec", [0, 1], ids=["PCMU", "PCMA"])
def test_what_the_agent_queues_is_said_and_sent(stage, codec: int) -> None:
    stage.open(0, codec=codec, payload_in=8 * codec, payload_out=8 * codec)
    sound = np.repeat(TONE, 2)[: 10 * FRAME]
    stage.say(0, sound)
    for _ in range(10):
        stage.run()
    assert np.array_equal(stage.ring("said", 0, 10), sound)
    narrow = np.concatenate(
        [CODECS[codec].decode(np.frombuffer(p.payload, np.uint8)) for p in stage.sent]
    )
    assert np.abs(narrow).max() == pytest.approx(8000, rel=0.1)
    assert stage.main["taken"][0] == 10
    assert {p.kind for p in stage.sent} == {8 * codec}


def test_packets_follow_one_another_across_the_wraps_and_only_the_first_is_marked(stage) -> None:
    stage.open(3)
    for _ in range(5):
        stage.run()
    assert [p.sequence for p in stage.sent] == [65_534, 65_535, 0, 1, 2]
    assert [p.timestamp for p in stage.sent] == [2**32 - 320, 2**32 - 160, 0, 160, 320]
    assert [p.marker for p in stage.sent] == [True, False, False, False, False]
    assert {p.ssrc for p in stage.sent} == {1003}
    assert {p.target for p in stage.sent} == {("192.0.2.7", 4000)}
    assert stage.main["sent"][3] == 5


@pytest.mark.parametrize("codec", [0, 1], ids=["PCMU", "PCMA"])
def test_echo_returns_every_byte_as_it_came(stage, codec: int) -> None:
    stage.open(1, codec=codec, payload_in=8 * codec, payload_out=8 * codec, echo=True)
    rng = np.random.default_rng(7)
    bodies = [rng.integers(0, 256, 160, np.uint8).tobytes() for _ in range(20)]
    for body in bodies:
        stage.run(stage.rtp(1, body, kind=8 * codec))
    assert [p.payload for p in stage.sent[1:]] == bodies[:-1]


def test_payload_types_may_differ_by_direction(stage) -> None:
    """RFC 3264 section 5.1: each side numbers what it is sent."""
    line = stage.open(0, payload_out=96, payload_in=97, digits_out=100, digits_in=102)
    for frame in TONE[:1600].reshape(-1, 160):
        stage.run(stage.rtp(0, CODECS[0].encode(frame).tobytes(), kind=97))
    stage.run(stage.rtp(0, bytes([7, 10, 0, 160]), kind=102, timestamp=1600))
    line.dial("1")
    stage.run(stage.rtp(0, bytes(160), kind=96), stage.rtp(0, bytes([3, 10, 0, 160]), kind=100))
    assert [packet.kind for packet in stage.sent] == [96] * 11 + [100]
    assert stage.main["received"][0] == 11
    assert stage.main["digits"][0] == 1
    assert stage.main["garbage"][0] == 2, "the numbers of the other direction are not its own"
    assert stage.ring("heard", 0, 3).any()


def test_rows_do_not_hear_one_another(stage) -> None:
    for row in (1, 4):
        stage.open(row)
    stage.hear(4, TONE)
    assert not stage.ring("heard", 1, 10).any()
    assert stage.ring("heard", 4, 10).any()


def test_a_row_that_is_given_back_is_not_touched_again(stage) -> None:
    line = stage.open(5)
    stage.hear(5, TONE[:800])
    stage.main["live"][line.row] = 0
    stage.main["settings"][line.row] += 1
    stage.settle()
    assert stage.main["applied"][5] == stage.main["settings"][5]
    stage.main.clear(5)
    stage.run(stage.rtp(5, b"\x00" * 160))
    assert not stage.main["heard"][5].any()
    assert stage.main["beat"][5] == stage.main["garbage"][5] == 0


def test_the_next_caller_hears_nothing_of_the_last_one(stage) -> None:
    stage.open(5)
    stage.hear(5, TONE[:1600])
    stage.main["live"][5] = 0
    stage.main["settings"][5] += 1
    stage.settle()
    stage.main.clear(5)
    stage.open(5)
    for _ in range(5):
        stage.run()
    assert not stage.ring("heard", 5, 5).any()


def test_a_held_peer_is_sent_nothing_and_time_goes_on(stage) -> None:
    stage.open(0)
    stage.run()
    stage.open(0, speaks=False)
    stage.say(0, np.full(5 * FRAME, 1000, np.int16))
    assert [stage.run() for _ in range(3)] == [[], [], []]
    assert stage.main["taken"][0] == 0
    stage.open(0, speaks=True)
    (packet,) = stage.run()
    assert packet.sequence == 65_535
    assert packet.timestamp == (2**32 - 320 + 4 * 160) % 2**32
    assert packet.marker


def test_what_a_peer_says_that_we_hold_is_not_heard(stage) -> None:
    stage.open(0, hears=False)
    stage.hear(0, TONE[:1600])
    assert not stage.ring("heard", 0, 10).any()
    assert stage.main["received"][0] == 10


def test_a_lost_packet_is_concealed_and_counted(stage) -> None:
    stage.open(0)
    for n, frame in enumerate(TONE.reshape(-1, 160)):
        datagram = stage.rtp(0, CODECS[0].encode(frame).tobytes())
        stage.run(*([] if n == 10 else [datagram]))
    assert stage.main["lost"][0] == 1
    assert stage.main["concealed"][0] == 1
    frames = stage.ring("heard", 0, 18).reshape(-1, FRAME)
    assert (np.abs(frames.astype(int)).max(axis=1) > 6000).all()


def test_silence_before_the_first_packet_is_no_concealment(stage) -> None:
    stage.open(0)
    for _ in range(10):
        stage.run()
    assert stage.main["concealed"][0] == stage.main["lost"][0] == 0


def test_comfort_noise_that_came_unasked_is_no_garbage_and_no_louder_than_it_says(stage) -> None:
    stage.open(0)
    stage.hear(0, TONE[:160])
    stage.run(stage.rtp(0, b"\x40", kind=13))
    for _ in range(10):
        stage.run()
    assert stage.main["garbage"][0] == 0
    level = np.sqrt(np.mean(stage.ring("heard", 0, 5).astype(float) ** 2))
    assert level == pytest.approx(32768 * 10 ** (-64 / 20), rel=0.3)


@pytest.mark.parametrize("datagram", [b"", b"\x80", b"x" * 172, b"\x80\x08" + b"\0" * 170,
                                      b"\x80\xc8" + b"\0" * 26])  # fmt: skip
def test_garbage_is_counted_and_changes_nothing(stage, datagram: bytes) -> None:
    stage.open(0)
    stage.run((0, datagram, ("192.0.2.99", 1)))
    assert stage.main["garbage"][0] == 1
    assert stage.main["received"][0] == stage.main["peer_family"][0] == 0


def test_missed_beats_are_silence_in_the_rings_and_a_gap_in_the_timestamps(stage) -> None:
    stage.open(0)
    stage.hear(0, TONE[:1600])
    before = stage.sent[-1]
    stage.run(missed=3)
    after = stage.sent[-1]
    assert after.sequence == (before.sequence + 1) % 2**16
    assert after.timestamp - before.timestamp == 4 * 160
    assert after.marker
    assert stage.main["beat"][0] == 14
    assert not stage.ring("heard", 0, 4)[: 3 * FRAME].any()


def test_missed_beats_add_no_delay(stage) -> None:
    stage.open(0, echo=True)
    for n in range(5):
        stage.run(stage.rtp(0, bytes([n]) * 160))
    stage.run(*(stage.rtp(0, bytes([n]) * 160) for n in range(5, 9)), missed=3)
    stage.run(stage.rtp(0, bytes([9]) * 160))
    assert [packet.payload[0] for packet in stage.sent[1:]] == [0, 1, 2, 3, 7, 8]


def test_a_stretch_longer_than_the_rings_leaves_them_silent(stage) -> None:
    stage.open(0)
    stage.hear(0, TONE[:1600])
    stage.run(missed=500)
    assert stage.main["beat"][0] == 511
    assert not stage.ring("heard", 0, RING)[:-FRAME].any()


def test_another_process_goes_on_where_the_first_one_was(stage) -> None:
    stage.open(0)
    stage.hear(0, TONE[:1600])
    before, beat = stage.sent[-1], int(stage.main["beat"][0])
    stage.another_process()
    stage.hear(0, TONE[:800])
    after = stage.sent[-5]
    assert after.sequence == (before.sequence + 1) % 2**16
    assert after.timestamp == before.timestamp + 160
    assert after.ssrc == before.ssrc
    assert stage.main["beat"][0] == beat + 5
    assert stage.ring("heard", 0, 1).any()


def test_keys_are_heard_once_and_not_again_by_another_process(stage) -> None:
    stage.open(0)
    for n in range(4):
        stage.run(stage.rtp(0, bytes([7, 10, 0, 160 * (n + 1) % 256]), kind=101, timestamp=800))
    stage.another_process()
    for _ in range(3):
        stage.run(stage.rtp(0, b"\x07\x8a\x03\x20", kind=101, timestamp=800))
    stage.run(stage.rtp(0, b"\x0b\x8a\x03\x20", kind=101, timestamp=4800))
    assert stage.main["digits"][0] == 2
    assert stage.main["digit"][0, :2].tolist() == [7, 11]
    assert stage.main["concealed"][0] == 0


def test_digits_are_dialled_one_after_another_and_speech_waits(stage) -> None:
    line = stage.open(0)
    stage.run()
    line.dial("4#")
    stage.say(0, np.full(3 * FRAME, 1000, np.int16))
    for _ in range(21):
        stage.run()
    events = [p for p in stage.sent if p.kind == 101]
    assert len(events) == 14
    assert [p.payload[0] for p in events] == [4] * 7 + [11] * 7
    assert [p.sequence for p in stage.sent] == [(65_534 + n) % 2**16 for n in range(22)]
    first, second = events[0], events[7]
    assert first.timestamp == stage.sent[0].timestamp + 160
    assert (second.timestamp - first.timestamp) % 2**32 == 9 * 160
    assert [p.marker for p in events] == [True] + [False] * 6 + [True] + [False] * 6
    assert stage.main["sent_digits"][0] == 2
    assert stage.main["taken"][0] == 3


def test_without_agreed_events_digits_are_dialled_as_tones(stage) -> None:
    line = stage.open(0, digits_out=None)
    line.dial("1")
    for _ in range(9):
        stage.run()
    assert {p.kind for p in stage.sent} == {0}
    tone = np.concatenate([CODECS[0].decode(np.frombuffer(p.payload, np.uint8))
                           for p in stage.sent])[200:600]  # fmt: skip
    spectrum = np.abs(np.fft.rfft(tone.astype(float)))
    assert {int(hz) for hz in np.argsort(spectrum)[-2:] * 20} == {700, 1200}
    assert stage.main["sent_digits"][0] == 1


def test_keys_in_the_sound_are_heard_where_no_events_were_agreed(stage) -> None:
    stage.open(0, digits_in=None)
    stage.open(1)
    tones = np.concatenate([TONES[KEYS.index(key)].reshape(-1) for key in "15#0"])
    for frame in np.concatenate([tones, np.zeros(FRAME * 5, np.int16)]).reshape(-1, FRAME):
        body = CODECS[0].encode(frame[::2]).tobytes()
        stage.run(stage.rtp(0, body), stage.rtp(1, body))
    assert [KEYS[code] for code in stage.main["digit"][0, :4]] == list("15#0")
    assert stage.main["digits"][0] == 4
    assert stage.main["digits"][1] == 0


def test_more_digits_than_fit_are_refused_and_none_is_lost(stage) -> None:
    line = stage.open(0)
    line.dial("1" * 30)
    with pytest.raises(ValueError, match="no more than 32"):
        line.dial("123")
    assert stage.main["dialled"][0] == 30


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), DATAGRAM), max_size=6), max_size=12))
def test_nothing_a_network_brings_stops_the_beat(
    new_stage, beats: list[list[tuple[int, bytes]]]
) -> None:
    stage = new_stage()
    for row in range(3):
        stage.open(row, codec=row % 2, payload_in=8 * (row % 2), payload_out=8 * (row % 2))
    for datagrams in beats:
        stage.run(*((row, octets, ("192.0.2.7", 4000)) for row, octets in datagrams))
    assert stage.main["beat"][:3].tolist() == [len(beats)] * 3
    assert (stage.main["sent"][:3] == len(beats)).all()
    stage.close()


def test_a_flood_on_one_row_does_not_disturb_another(stage) -> None:
    stage.open(0)
    stage.open(1)
    for frame in TONE.reshape(-1, 160):
        body = CODECS[0].encode(frame).tobytes()
        flood = [stage.rtp(0, body, timestamp=n * 7919, ssrc=n) for n in range(8)]
        stage.run(*flood, stage.rtp(1, body))
    assert stage.main["concealed"][1] == 0
    assert stage.main["received"][1] == 20
