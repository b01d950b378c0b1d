"""An hour of a peer whose clock is not ours, and other ways in which streams go astray."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rtp import packet
from gateway.rtp.jitter import EVENT, NOISE, Form, Jitter

ROW = np.array([0])
FORMS = [Form(), Form(), Form(48_000, lambda payload: 960 * payload[0])]  # the last in 20 ms units


class Stream:
    """A peer's packets, each numbered in its payload, and what comes out beat by beat."""

    def __init__(self) -> None:
        self.jitter = Jitter(1, forms=FORMS)
        self.sequence, self.timestamp, self.ssrc, self.kind = 65_000, 2**32 - 9000, 1, 0
        self.beats = 0

    def put(self, number: int, *, marker: bool = False, kind: int | None = None,
            payload: bytes | None = None, sequence: int | None = None) -> None:  # fmt: skip
        kind = self.kind if kind is None else kind
        step = 960 if kind == 2 else 160
        body = payload or (b"\1" if kind == 2 else b"") + number.to_bytes(4, "big") * 40
        body = body if payload or kind == 2 else body[:160]
        data = np.zeros((1, 400), np.uint8)
        packet.write(
            data,
            payload=np.array([kind & 0x7F], np.uint8),
            marker=np.array([marker]),
            sequence=np.array([(self.sequence + number if sequence is None else sequence) % 2**16],
                              np.uint16),
            timestamp=np.array([(self.timestamp + step * number) % 2**32], np.uint32),
            ssrc=np.array([self.ssrc], np.uint32),
        )  # fmt: skip
        data[0, 12 : 12 + len(body)] = list(body)
        headers = packet.parse(data, np.array([12 + len(body)]))
        self.jitter.put(ROW, headers, data, np.array([kind], np.uint8), 0.02 * self.beats)

    def beat(self, *numbers: int, quiet: bool = False) -> int | None:
        """The number of the packet that is heard in this beat."""
        for number in numbers:
            self.put(number)
        self.beats += 1
        pulled = self.jitter.pull(ROW, np.array([quiet]))
        self.pulled = pulled
        if not pulled.there[0]:
            return None
        if pulled.kinds[0] == 2:
            packets = self.jitter.packets(0)[1]
            return int.from_bytes(packets[0][1][1:5], "big") if packets else None
        return int.from_bytes(pulled.payloads[0, :4].tobytes(), "big")


def test_an_hours_drift_adds_no_delay() -> None:
    """Four peers: 900 ppm fast and slow for twenty minutes, as 300 ppm are in an hour; of each one
    that pauses now and then, and one that never does."""
    rate = np.array([0.9991, 0.9991, 1.0009, 1.0009])
    pauses, rows = np.array([False, True, False, True]), np.arange(4)
    jitter = Jitter(4, forms=FORMS)
    sent, heard = np.zeros(4, np.int64), np.zeros(4, np.int64)
    worst, unheard = np.zeros(4, np.int64), np.zeros(4, np.int64)
    for beat in range(60_000):
        while len(its := np.flatnonzero(sent <= beat * rate)):
            octets = np.zeros((len(its), 172), np.uint8)
            octets[:, 12:16] = sent[its].astype("<u4").view(np.uint8).reshape(-1, 4)
            headers = packet.Headers(
                np.ones(len(its), bool), np.zeros(len(its), np.uint8), np.zeros(len(its), bool),
                sent[its].astype(np.uint16), (160 * sent[its]).astype(np.uint32),
                its.astype(np.uint32), np.full(len(its), 12), np.full(len(its), 172),
            )  # fmt: skip
            jitter.put(its, headers, octets, np.zeros(len(its), np.uint8), 0.02 * beat)
            sent[its] += 1
        pulled = jitter.pull(rows, pauses & (beat % 500 > 400))
        number = pulled.payloads[:, :4].copy().view("<u4")[:, 0]
        heard = np.where(pulled.there, number, heard)
        unheard += ~pulled.there
        worst = np.maximum(worst, np.where(pulled.there, sent - 1 - heard, 0))
    assert worst.max() <= 4  # frames of 20 ms
    assert (sent - 1 - heard).max() <= 4
    slips = round(60_000 * 900e-6)
    assert (unheard <= [slips + 2, slips + 2, 2, 2]).all()


def test_a_frame_that_is_left_out_while_the_peer_speaks_is_told() -> None:
    stream = Stream()
    for n in range(5):
        stream.beat(n)
    stream.beat(5, 6, 7, 8, 9)  # a clock that leapt
    told = 0
    for n in range(10, 2000):
        stream.beat(n)
        told += bool(stream.pulled.skipped[0])
    assert 1 <= told <= 3


@pytest.mark.parametrize("burst", [1, 5, 20])
def test_bursts_of_loss_cost_what_was_lost_and_no_delay(burst: int) -> None:
    stream = Stream()
    heard = []
    for n in range(600):
        lost = n % 100 >= 100 - burst
        heard.append(stream.beat(*([] if lost else [n])))
    assert sum(h is None for h in heard) <= 6 * burst + 1
    assert heard[550] == 549


def test_the_wait_shrinks_to_what_a_slow_peer_needs_and_never_grows_to_the_limit() -> None:
    """Each slip makes one packet late; ten of them must not look like 200 ms of jitter."""
    stream, number = Stream(), 0
    for slip in range(30):
        for _ in range(300):
            stream.beat(number)
            number += 1
        stream.beat()
        assert stream.jitter._waiting.depth[0] <= 3, slip
    for _ in range(10):
        stream.beat()
    stream.timestamp += 1_000_000
    heard = [stream.beat(n) for n in range(number, number + 10)]
    assert sum(h is None for h in heard) <= 4


# A change of codec, whose clock may be another.


def test_another_kind_on_the_same_clock_goes_on_where_the_first_one_was() -> None:
    stream = Stream()
    heard = [stream.beat(n) for n in range(5)]
    stream.kind = 1
    heard += [stream.beat(n) for n in range(5, 10)]
    assert heard == [None, *range(9)]
    assert stream.pulled.kinds[0] == 1


def test_another_clock_is_joined_without_a_gap_and_back_again() -> None:
    stream, heard = Stream(), []
    for n in range(30):
        if n == 10:
            stream.kind, stream.timestamp = 2, 777_777
        if n == 20:
            stream.kind, stream.timestamp = 0, 5
        heard.append(stream.beat(n))
    assert heard == [None, *range(29)]


def test_a_straggler_of_the_kind_before_changes_nothing() -> None:
    stream = Stream()
    for n in range(5):
        stream.beat(n)
    stream.kind, stream.timestamp = 2, 777_777
    heard = []
    for n in range(5, 12):
        if n == 8:
            stream.kind, stream.timestamp = 0, 2**32 - 9000
            stream.put(0, sequence=stream.sequence - 1)
            stream.kind, stream.timestamp = 2, 777_777
        heard.append(stream.beat(n))
    assert heard == [4, 5, 6, 7, 8, 9, 10]


def test_a_long_packet_fills_its_beats_and_is_handed_out_at_the_first() -> None:
    stream = Stream()
    stream.kind = 2
    seen = []
    for n in range(0, 12, 3):
        stream.put(n, payload=b"\3" + n.to_bytes(4, "big"))
        for _ in range(3):
            stream.beats += 1
            pulled = stream.jitter.pull(ROW, np.array([False]))
            packets = stream.jitter.packets(0)[1]
            seen.append((bool(pulled.there[0]), [p[1][4] for p in packets]))
    assert seen[1:] == [(True, [0]), (True, []), (True, []), (True, [3]), (True, []), (True, []),
                        (True, [6]), (True, []), (True, []), (True, [9]), (True, [])]  # fmt: skip


def test_the_packet_that_follows_can_be_looked_at() -> None:
    stream = Stream()
    stream.kind = 2
    for n in range(5):
        stream.beat(n)
    stream.beat(6)
    stream.beat(7)
    assert not stream.pulled.there[0]
    following = stream.jitter.next_packet(0)
    assert following is not None
    assert following[4] == 6


# Silence that the peer speaks of (RFC 3389).


def test_comfort_noise_lasts_from_where_it_was_said_until_there_is_sound() -> None:
    stream, comfort = Stream(), []
    for n in range(12):
        if n == 4:
            stream.put(n, kind=NOISE, payload=b"\x40")
            stream.beat()
        elif 4 < n < 9:
            stream.beat()
        else:
            stream.beat(n)
        comfort.append(bool(stream.pulled.comfort[0]))
    assert comfort == [False] * 5 + [True] * 5 + [False] * 2


def test_a_loss_after_the_silence_is_a_loss() -> None:
    stream = Stream()
    stream.beat(0)
    stream.put(1, kind=NOISE, payload=b"\x40")
    stream.beat()
    stream.beat(2)
    stream.beat(3)
    stream.beat()
    stream.beat(5)
    assert not stream.pulled.comfort[0]
    assert not stream.pulled.there[0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2, EVENT, NOISE]), st.integers(0, 2**16 - 1),
                  st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=300)),
        max_size=40,
    )
)  # fmt: skip
def test_any_mixture_does_no_harm_to_the_stream_that_follows(packets: list) -> None:
    stream = Stream()
    for kind, sequence, timestamp, payload in packets:
        stream.timestamp = timestamp
        stream.put(0, kind=kind, payload=payload, sequence=sequence)
        stream.beat()
    stream.sequence = stream.timestamp = 0
    stream.ssrc = 2
    heard = [stream.beat(n) for n in range(40)]
    assert heard[-20:] == [*range(19, 39)]
