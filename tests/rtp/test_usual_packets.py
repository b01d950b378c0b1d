"""Packets that are just the next of their stream are taken all at once, the others one case after
another: which way a packet goes must not be heard, nor counted."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rtp import packet
from gateway.rtp.jitter import EVENT, NOISE, Form, Jitter

ROWS = 4
FORMS = [Form(), Form(), Form(48_000, lambda octets: 960 * octets[0])]  # the first octet: frames


class Thorough(Jitter):
    """Every packet is looked at as if it were a strange one."""

    def _take_usual(self, rows: Any, *_: Any) -> Any:
        return np.zeros(len(rows), bool)


class Sender:
    """One row's peer, on whose way anything may happen."""

    def __init__(self, kind: int) -> None:
        self.kind, self.sequence, self.timestamp, self.ssrc = kind, 65_500, 2**32 - 3000, 1

    def next(self, what: str) -> tuple[int, int, int, int, bool, bytes] | None:
        step = 960 if self.kind == 2 else 160
        body = bytes([1]) * (40 if self.kind == 2 else 160)
        back, kind, marker = 0, self.kind, False
        match what:
            case "old":
                back = 2
            case "lost":
                self.sequence, self.timestamp = self.sequence + 1, self.timestamp + step
            case "gap":
                self.timestamp, marker = self.timestamp + 40 * step, True
            case "far":
                self.timestamp += 1_000_000
            case "restart":
                self.sequence += 20_000
            case "other":
                self.ssrc += 1
            case "double":
                body = bytes([2]) * (80 if self.kind == 2 else 320)
            case "off":
                self.timestamp += 7
            case "kind":
                self.kind = kind = (self.kind + 1) % 3
                return self.next("next")
            case "event":
                kind = EVENT
            case "noise":
                kind, body = NOISE, b"\x40"
            case "empty":
                body = b""
            case "silence":
                return None
        sequence, timestamp = self.sequence - back, self.timestamp - back * step
        if not back:
            self.sequence += 1
            self.timestamp += 2 * step if what == "double" else step
        return sequence % 2**16, timestamp % 2**32, self.ssrc, kind, marker, body


def batch(sent: list[tuple[int, int, int, int, bool, bytes]]) -> tuple[Any, Any, Any]:
    data = np.full((len(sent), 400), 9, np.uint8)
    sequence, timestamp, ssrc, kinds, marker, bodies = zip(*sent, strict=True)
    packet.write(data, payload=np.zeros(len(sent), np.uint8), marker=np.array(marker),
                 sequence=np.array(sequence, np.uint16), timestamp=np.array(timestamp, np.uint32),
                 ssrc=np.array(ssrc, np.uint32))  # fmt: skip
    for row, body in zip(data, bodies, strict=True):
        row[12 : 12 + len(body)] = list(body)
    lengths = np.array([12 + len(body) for body in bodies])
    return packet.parse(data, lengths), data, np.array(kinds, np.uint8)


def state(machine: Any) -> dict[str, Any]:
    """All that it remembers, its parts' too, but not what lies in slots that are past."""
    found: dict[str, Any] = {}
    for name, value in vars(machine).items():
        if name in ("_arrivals", "_waiting", "_slots"):
            found |= {f"{name}.{inner}": its for inner, its in state(value).items()}
        else:
            found[name] = value
    return found


WHAT = st.sampled_from(["next"] * 12 + ["silence", "old", "lost", "gap", "far", "restart", "other",
                        "double", "off", "kind", "event", "noise", "empty", "skip"])  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[WHAT] * ROWS, st.integers(0, 2**ROWS - 1)), min_size=5, max_size=60),
    st.lists(st.integers(0, 2), min_size=ROWS, max_size=ROWS),
)
def test_it_does_not_matter_which_way_a_packet_is_taken(
    beats: list[tuple[Any, ...]], kinds: list[int]
) -> None:
    quick, thorough = Jitter(ROWS, 1, 10, FORMS), Thorough(ROWS, 1, 10, FORMS)
    senders = [Sender(kind) for kind in kinds]
    everyone, usual = np.arange(ROWS), 0
    for now, (*whats, quiet) in enumerate([*[("next",) * ROWS + (0,)] * 3, *beats]):
        sent = {row: its for row, what in enumerate(whats) if (its := senders[row].next(what))}
        if sent:
            rows = np.array([*sent], np.int64)
            headers, data, of_kind = batch([*sent.values()])
            ways = [jitter.put(rows, headers, data, of_kind, 0.02 * now)
                    for jitter in (quick, thorough)]  # fmt: skip
            for name in ("duplicate", "late", "other"):
                np.testing.assert_array_equal(*(getattr(put, name) for put in ways), name)
            usual += len(rows) - len(ways[0].unusual)
        is_quiet = np.array([quiet >> row & 1 == 1 for row in range(ROWS)])
        pulled = [jitter.pull(everyone, is_quiet) for jitter in (quick, thorough)]
        for name in ("there", "kinds", "comfort", "skipped"):
            np.testing.assert_array_equal(*(getattr(its, name) for its in pulled), name)
        np.testing.assert_array_equal(*(its.payloads[its.there] for its in pulled))
        for row in range(ROWS):
            assert quick.packets(row) == thorough.packets(row)
    for name, value in state(quick).items():
        np.testing.assert_equal(value, state(thorough)[name], name)
    assert usual  # or else nothing was tried


def test_the_very_next_packets_are_usual() -> None:
    jitter, senders = Jitter(ROWS, 1, 10, FORMS), [Sender(row % 3) for row in range(ROWS)]
    for beat in range(80):  # over both wraps
        headers, data, kinds = batch([its for s in senders if (its := s.next("next"))])
        put = jitter.put(np.arange(ROWS), headers, data, kinds, 0.02 * beat)
        assert len(put.unusual) == (0 if beat else ROWS), beat
        jitter.pull(np.arange(ROWS), np.zeros(ROWS, bool))


@pytest.mark.parametrize("what", ["old", "far", "other", "double", "off", "event", "noise"])
def test_one_strange_packet_does_not_make_its_neighbours_strange(what: str) -> None:
    jitter, senders = Jitter(ROWS, 1, 10, FORMS), [Sender(0) for _ in range(ROWS)]
    for beat in range(10):
        whats = [what if beat == 9 and row == 2 else "next" for row in range(ROWS)]
        sent = [its for s, w in zip(senders, whats, strict=True) if (its := s.next(w))]
        put = jitter.put(np.arange(ROWS), *batch(sent), 0.02 * beat)
        jitter.pull(np.arange(ROWS), np.zeros(ROWS, bool))
    assert put.unusual.tolist() == [2]
