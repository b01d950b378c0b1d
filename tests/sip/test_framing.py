"""A stream cut into messages, however the network cuts it into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.framing import PING, Frames
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.message import Limits


def message(body: bytes, name: bytes = b"Content-Length") -> bytes:
    return b"INFO sip:a SIP/2.0\r\n%s : %d\r\nTo: b\r\n\r\n%s" % (name, len(body), body)


@given(st.lists(st.binary(max_size=40), max_size=4), st.lists(st.integers(1, 60), min_size=1))
def test_messages_come_out_whole(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(message(body) for body in bodies)
    frames, found, at = Frames(), [], 0
    while at < len(stream):
        size = cuts[len(found) % len(cuts)]
        found += frames.feed(stream[at : at + size])
        at += size
    assert found == [message(body) for body in bodies]
    assert not frames.waiting


def test_keep_alives_are_told_apart_from_messages() -> None:
    frames = Frames()
    assert frames.feed(PING) == [PING]
    assert frames.feed(b"\r\n") == []
    assert frames.feed(b"\r\n" + message(b"x", b"l")) == [PING, message(b"x", b"l")]
    assert frames.feed(b"\r\n" + message(b"")) == [b"\r\n", message(b"")]


@pytest.mark.parametrize(
    "stream",
    [
        b"INFO sip:a SIP/2.0\r\nTo: b\r\n\r\n",
        b"INFO sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"INFO sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INFO sip:a SIP/2.0\r\nContent-Length: 999999\r\n\r\n",
        b"x" * 2000,
    ],
)
def test_a_stream_that_cannot_be_cut_is_refused(stream: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        Frames(Limits(message=1500)).feed(stream)
