"""RTP headers: vectors by hand, their truncated twins, and any bytes at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp import packet

PLAIN = bytes.fromhex("8000 1234 00000320 deadbeef") + b"\xff" * 160
MARKED = bytes.fromhex("80e5 0001 00000001 00000002 0b8a0320")  # a telephone event, marker set
CSRC = bytes.fromhex("8208 0007 00000000 11111111 aaaaaaaa bbbbbbbb") + b"\xd5" * 80
EXTENDED = bytes.fromhex("9000 0007 00000000 11111111 bede0002 1001ff00 00000000") + b"\x7f" * 160
PADDED = bytes.fromhex("a000 0007 00000000 11111111") + b"\x55" * 20 + b"\0\0\0\x04"
EMPTY = bytes.fromhex("8000 0007 00000000 11111111")


def parse(*datagrams: bytes) -> packet.Headers:
    data = np.full((len(datagrams), 1500), 0xA7, np.uint8)  # what lies behind must not matter
    for row, datagram in zip(data, datagrams, strict=True):
        row[: len(datagram)] = list(datagram)
    return packet.parse(data, np.array([len(d) for d in datagrams]))


def test_fixed_header() -> None:
    headers = parse(PLAIN, MARKED)
    assert headers.good.all()
    assert headers.payload.tolist() == [0, 101]
    assert headers.marker.tolist() == [False, True]
    assert headers.sequence.tolist() == [0x1234, 1]
    assert headers.timestamp.tolist() == [800, 1]
    assert headers.ssrc.tolist() == [0xDEADBEEF, 2]
    assert (headers.end - headers.start).tolist() == [160, 4]


@pytest.mark.parametrize(
    ("datagram", "start", "length"),
    [(CSRC, 20, 80), (EXTENDED, 24, 160), (PADDED, 12, 20), (EMPTY, 12, 0)],
    ids=["csrc", "extension", "padding", "empty"],
)
def test_where_the_payload_lies(datagram: bytes, start: int, length: int) -> None:
    headers = parse(PLAIN, datagram, PLAIN)
    assert headers.good.all()
    assert headers.start[1] == start
    assert headers.end[1] - start == length


@pytest.mark.parametrize("datagram", [PLAIN, MARKED, CSRC, EXTENDED], ids=len)
def test_truncated_twins_are_refused_or_shorter(datagram: bytes) -> None:
    whole = parse(datagram)
    for length in range(len(datagram)):
        headers = parse(datagram[:length])
        if length < whole.start[0]:
            assert not headers.good[0]
        else:
            assert headers.good[0]
            assert headers.end[0] == length


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x80",
        bytes.fromhex("4000 0007 00000000 11111111") + b"x" * 160,  # version 1
        bytes.fromhex("0001 0000 2112a442") + b"x" * 12,  # STUN
        bytes.fromhex("80c8 0006 11111111") + b"\0" * 20,  # RTCP sender report
        bytes.fromhex("81c9 0007 11111111") + b"\0" * 24,  # RTCP receiver report
        bytes.fromhex("a000 0007 00000000 11111111 000000 00"),  # padding of no bytes
        bytes.fromhex("a000 0007 00000000 11111111 000000 ff"),  # padding beyond the payload
        bytes.fromhex("9000 0007 00000000 11111111 bedeffff"),  # extension beyond the end
        b"INVITE sip:demo@example.com SIP/2.0\r\n",
    ],
    ids=lambda d: d[:6].hex(),
)
def test_what_is_not_rtp_is_told_without_harm_to_its_neighbours(datagram: bytes) -> None:
    headers = parse(PLAIN, datagram, MARKED)
    assert headers.good.tolist() == [True, False, True]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_any_bytes_are_parsed_within_their_length(datagrams: list[bytes]) -> None:
    headers = parse(*datagrams)
    for i in np.flatnonzero(headers.good):
        assert 12 <= headers.start[i] <= headers.end[i] <= len(datagrams[i])


@given(
    st.integers(0, 127), st.booleans(), st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_what_is_written_is_read(kind: int, marker: bool, seq: int, ts: int, ssrc: int) -> None:
    into = np.zeros((2, 172), np.uint8)
    packet.write(
        into,
        payload=np.array([kind, 0]),
        marker=np.array([marker, False]),
        sequence=np.array([seq, 0], np.uint16),
        timestamp=np.array([ts, 0], np.uint32),
        ssrc=np.array([ssrc, 0], np.uint32),
    )
    headers = packet.parse(into, np.array([172, 172]))
    assert headers.good.all() or 64 <= kind < 96  # with the marker, these look like RTCP
    got = (headers.payload[0], headers.marker[0], headers.sequence[0], headers.timestamp[0])
    assert got == (kind, marker, seq, ts)
    assert headers.ssrc[0] == ssrc
