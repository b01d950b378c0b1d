"""Session descriptions: what peers really send is read, what would mislead is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sdp.description import Codec, Description, Media, Origin, SdpError

FULL = b"""\
v=0
o=alice 2890844526 2890842807 IN IP4 host.example.com
s=A call
i=about nothing
c=IN IP4 192.0.2.1
b=AS:64
t=0 0
a=tool:x
m=audio 49170/1 RTP/AVP 0 96 101
c=IN IP6 2001:db8::1
b=TIAS:64000
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:49171
a=ptime:30
a=sendonly
m=video 0 RTP/SAVPF 97
a=rtpmap:97 VP8/90000
""".replace(b"\n", b"\r\n")


def test_everything_is_read_and_written_back() -> None:
    d = Description.parse(FULL)
    audio, video = d.media
    assert d.origin == Origin("alice", "2890844526", 2890842807, "host.example.com")
    assert (d.name, d.connection, d.others) == (
        "A call",
        "192.0.2.1",
        (("i", "about nothing"), ("b", "AS:64")),
    )
    assert (audio.port, audio.protocol, d.address_of(audio)) == (49170, "RTP/AVP", "2001:db8::1")
    assert audio.codecs() == [
        Codec("PCMU", 8000, 0),
        Codec("opus", 48000, 96, 2, "useinbandfec=1"),
        Codec("telephone-event", 8000, 101, fmtp="0-15"),
    ]
    assert (audio.milliseconds("ptime"), audio.milliseconds("maxptime")) == (30, None)
    assert d.direction_of(audio) == "sendonly"
    assert (video.kind, video.port, video.protocol) == ("video", 0, "RTP/SAVPF")
    assert bytes(d) == FULL.replace(b"49170/1", b"49170")


def test_sloppy_peers_are_understood() -> None:
    d = Description.parse(
        b"v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP  8 0 101\n"
        b"a=rtpmap: 8 PCMA / 8000\na=X-odd\na=recvonly \n\n\0"
    )
    assert [c.name for c in d.media[0].codecs()] == ["PCMA", "PCMU", "telephone-event"]
    assert d.direction_of(d.media[0]) == "recvonly"
    assert d.times == ("0 0",)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"v=0\r\n", b"v=1\r\n", "v=1"),
        (b"v=0\r\n", b"", "o="),
        (FULL, b"", ""),
        (b"s=A call", b"sA call", "sA call"),
        (b"192.0.2.1", b"300.0.2.1", "c="),
        (b"IN IP4 192.0.2.1", b"192.0.2.1", "c="),
        (b"2890842807 IN", b"x IN", "o="),
        (b"49170/1", b"99999", "m="),
        (b"49170/1", b"-1", "m="),
        (b"m=video 0 RTP/SAVPF 97", b"m=video 0 RTP/SAVPF", "m="),
        (b"opus/48000/2", b"opus", "a=rtpmap"),
        (b"m=video 0 RTP/SAVPF 97\r\n", b"m=video 0 RTP/SAVPF 97\r\n" * 70, "m="),
    ],
)
def test_the_line_that_is_wrong_is_named(old: bytes, new: bytes, line: str) -> None:
    assert old in FULL
    with pytest.raises(SdpError) as error:
        Description.parse(FULL.replace(old, new))
    assert error.value.line.startswith(line)


words = st.from_regex(r"[A-Za-z0-9_-]{1,10}", fullmatch=True)
addresses = st.sampled_from(["192.0.2.1", "2001:db8::1", "host.example.com"])
attributes = st.lists(st.tuples(words, st.none() | words), max_size=4).map(tuple)
medias = st.builds(
    Media,
    connection=st.none() | addresses,
    attributes=attributes,
    kind=st.sampled_from(["audio", "video", "image"]),
    port=st.integers(0, 65535),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "UDPTL"]),
    formats=st.lists(st.integers(0, 127).map(str), min_size=1, max_size=4).map(tuple),
)


@given(
    st.builds(
        Description,
        connection=st.none() | addresses,
        attributes=attributes,
        origin=st.builds(Origin, words, words, st.integers(0, 2**62), addresses),
        name=words,
        media=st.lists(medias, max_size=4).map(tuple),
    )
)
def test_description_survives_the_journey(d: Description) -> None:
    if any(name == "rtpmap" for m in d.media for name, _ in m.attributes):
        return
    if any(not m.formats for m in d.media) or not d.origin.session_id.isdigit():
        d = Description(d.connection, d.attributes, d.others, name=d.name, media=d.media)
    assert Description.parse(bytes(d)) == d


@given(st.binary(max_size=200) | st.integers(0, len(FULL)).map(lambda n: FULL[:n]))
def test_garbage_is_only_ever_an_sdp_error(data: bytes) -> None:
    for attempt in (data, FULL + data, FULL.replace(b"0 96 101", b"0 " + data)):
        try:
            d = Description.parse(attempt)
        except SdpError:
            continue
        assert Description.parse(bytes(d)) == d
