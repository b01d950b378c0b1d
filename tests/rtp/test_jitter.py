"""The jitter buffer over bad links: each packet's payload is its number, so order can be read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rtp import packet
from gateway.rtp.jitter import EVENT, Jitter

ROW = np.array([3])
NONE = -1  # a beat without a frame


class Link:
    """One row of a jitter buffer, a stream to it, and what came out, beat by beat."""

    def __init__(self, depth: int = 1, most: int = 10) -> None:
        self.jitter = Jitter(5, depth, most)
        self.heard: list[int] = []
        self.late = self.duplicates = 0
        self.sequence, self.timestamp, self.ssrc = 65_530, 2**32 - 480, 7

    def put(
        self, number: int, *, payload: bytes | None = None, marker: bool = False, audio: bool = True
    ) -> None:
        body = bytes([number]) * 160 if payload is None else payload
        data = np.zeros((1, 1500), np.uint8)
        packet.write(
            data,
            payload=np.zeros(1, np.uint8),
            marker=np.array([marker]),
            sequence=np.array([(self.sequence + number) % 2**16], np.uint16),
            timestamp=np.array([(self.timestamp + 160 * number) % 2**32], np.uint32),
            ssrc=np.array([self.ssrc], np.uint32),
        )
        data[0, 12 : 12 + len(body)] = list(body)
        headers = packet.parse(data, np.array([12 + len(body)]))
        now = 0.02 * len(self.heard)
        kinds = np.array([0 if audio else EVENT], np.uint8)
        put = self.jitter.put(ROW, headers, data, kinds, now)
        self.late += int(put.late[0])
        self.duplicates += int(put.duplicate[0])

    def beat(self, *numbers: int, quiet: bool = False) -> None:
        for number in numbers:
            self.put(number)
        pulled = self.jitter.pull(ROW, np.array([quiet]))
        self.heard.append(int(pulled.payloads[0, 0]) if pulled.there[0] else NONE)

    @property
    def lost(self) -> int:
        return int(self.jitter.lost(ROW)[0])


def test_a_steady_stream_comes_out_in_order_across_both_wraps() -> None:
    link = Link()
    for n in range(20):
        link.beat(n)
    assert link.heard == [NONE, *range(19)]
    assert (link.late, link.lost, link.duplicates) == (0, 0, 0)


def test_depth_is_what_a_packet_waits() -> None:
    link = Link(depth=3)
    for n in range(8):
        link.beat(n)
    assert link.heard == [NONE, NONE, NONE, 0, 1, 2, 3, 4]


def test_reordered_packets_are_put_right() -> None:
    link = Link()
    for numbers in ([0], [1], [], [3, 2], [4], [6], [5], [7], []):
        link.beat(*numbers)
    assert [n for n in link.heard if n != NONE] == [*range(8)]
    assert link.lost == 0


def test_duplicates_are_counted_and_heard_once() -> None:
    link = Link()
    for n in range(6):
        link.beat(n, n, *([n - 1] if n else []))
    assert link.heard == [NONE, *range(5)]
    assert link.duplicates == 11
    assert link.lost == 0


def test_a_lost_packet_costs_its_own_beat_and_no_more() -> None:
    link = Link()
    for n in range(8):
        link.beat(*([] if n == 3 else [n]))
    assert link.heard == [NONE, 0, 1, 2, NONE, 4, 5, 6]
    assert link.lost == 1
    assert link.late == 0


def test_a_late_packet_is_still_heard_and_the_row_waits_longer_from_then_on() -> None:
    link = Link()
    for numbers in ([0], [1], [], [], [2, 3, 4], [5], [6], [], [7, 8], [9], []):
        link.beat(*numbers)
    assert link.heard == [NONE, 0, 1, NONE, 2, 3, 4, 5, 6, 7, 8]
    assert link.late == 1
    assert link.lost == 0


def test_what_the_row_waits_too_long_is_given_back_in_silence_only() -> None:
    link = Link()
    link.beat(0)
    for _ in range(4):
        link.beat()
    link.beat(*range(1, 6))
    for n in range(6, 250):
        link.beat(n)
    grown = 249 - link.heard[-1]
    assert grown == 4
    for n in range(250, 256):
        link.beat(n, quiet=True)
    assert 255 - link.heard[-1] < grown
    assert link.lost == 0


def test_a_burst_after_a_long_gap_is_played_whole() -> None:
    link = Link()
    for n in range(5):
        link.beat(n)
    for _ in range(20):
        link.beat()
    link.beat(*range(5, 25))
    for n in range(25, 40):
        link.beat(n)
    assert [n for n in link.heard if n != NONE][:20] == [*range(20)]


def test_a_clock_that_stood_still_in_silence_is_heard_at_once() -> None:
    link = Link()
    for n in range(5):
        link.beat(n)
    for _ in range(300):
        link.beat()
    for n in range(5, 10):
        link.beat(n)
    assert link.heard[-4:] == [5, 6, 7, 8]


def test_a_timestamp_jump_costs_one_packet() -> None:
    link = Link()
    for n in range(5):
        link.beat(n)
    link.timestamp += 1_000_000
    for n in range(5, 12):
        link.beat(n)
    assert [n for n in link.heard if n != NONE] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_one_stray_timestamp_moves_nothing() -> None:
    link = Link()
    for n in range(10):
        link.timestamp += 1_000_000 * (n == 5)
        link.beat(n)
        link.timestamp -= 1_000_000 * (n == 5)
    assert link.heard == [NONE, 0, 1, 2, 3, 4, NONE, 6, 7, 8]


def test_another_ssrc_is_another_stream() -> None:
    link = Link()
    for n in range(5):
        link.beat(n)
    link.ssrc, link.sequence, link.timestamp = 8, 100, 5
    for n in range(10):
        link.beat(n)
    assert link.heard[-9:] == [*range(9)]
    assert link.lost == 0


def test_a_sequence_that_starts_anew_is_no_loss_of_thousands() -> None:
    link = Link()
    for n in range(5):
        link.beat(n)
    link.sequence += 30_000
    for n in range(5, 10):
        link.beat(n)
    assert link.lost == 0
    assert link.heard[-4:] == [5, 6, 7, 8]


@pytest.mark.parametrize("samples", [40, 80, 240, 320, 480])
def test_packets_of_other_lengths_are_cut_into_beats(samples: int) -> None:
    link = Link(depth=4)
    stream = np.repeat(np.arange(1, 25), 160).astype(np.uint8)
    first = link.timestamp
    at = 0
    for _beat in range(20):
        while at < (len(link.heard) + 1) * 160:
            link.timestamp, number = first + at - 160 * (at // samples), at // samples
            link.put(number, payload=stream[at : at + samples].tobytes())
            at += samples
        link.beat()
    heard = [n for n in link.heard if n != NONE]
    assert heard == [*range(1, len(heard) + 1)]
    assert len(heard) >= 15


def test_events_between_sound_are_counted_but_not_heard() -> None:
    link = Link()
    for n in range(10):
        if 3 <= n < 6:
            link.put(n, payload=b"\1\x0a\0\xa0", audio=False)
            link.beat()
        else:
            link.beat(n)
    assert link.heard == [NONE, 0, 1, 2, NONE, NONE, NONE, 6, 7, 8]
    assert link.lost == 0


def test_missed_beats_do_not_add_delay() -> None:
    link = Link()
    for n in range(5):
        link.beat(n)
    for n in range(5, 10):
        link.put(n)  # what came during four missed beats and in this one
    link.jitter.skip(ROW, 4)
    link.beat()
    assert link.heard[-1] == 8
    assert link.late == 0


def test_jitter_of_a_steady_stream_is_nothing_and_of_an_unsteady_one_is_not() -> None:
    steady, unsteady = Link(), Link()
    for n in range(50):
        steady.beat(n)
        unsteady.beat(*([n - 1, n] if n % 2 else []))
    assert steady.jitter.jitter_s[3] < 1e-9
    assert unsteady.jitter.jitter_s[3] > 0.005


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.integers(0, 200), max_size=6), min_size=1, max_size=60))
def test_whatever_arrives_each_beat_gives_a_frame_or_none(arrivals: list[list[int]]) -> None:
    link = Link()
    for numbers in arrivals:
        link.beat(*numbers)
    sent = {n for numbers in arrivals for n in numbers}
    assert set(link.heard) <= sent | {NONE}
    assert link.lost >= 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2),
                       st.integers(1, 700)), max_size=40)
)  # fmt: skip
def test_hostile_headers_do_no_harm_to_the_stream_that_follows(
    packets: list[tuple[int, int, int, int]],
) -> None:
    link = Link()
    for sequence, timestamp, ssrc, length in packets:
        link.sequence, link.timestamp, link.ssrc = sequence, timestamp, ssrc
        link.put(0, payload=b"\xee" * length)
        link.beat()
    link.sequence, link.timestamp, link.ssrc = 0, 0, 99
    link.heard.clear()
    for n in range(40):
        link.beat(n)
    assert link.heard[-20:] == [*range(19, 39)]
