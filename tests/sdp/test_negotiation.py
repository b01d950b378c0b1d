"""Offer and answer by RFC 3264."""

import pytest

from gateway.sdp import (
    PCMA,
    PCMU,
    Agreed,
    Codec,
    Description,
    Local,
    NoCommonCodec,
    SdpError,
    agree,
    make_answer,
    make_offer,
)

US = Local("192.0.2.1", 4000, session_id=7)
THEM = Local("192.0.2.2", 6000)


def offer(*media: str, connection: str = "IN IP4 192.0.2.2") -> Description:
    head = f"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc={connection}\r\nt=0 0\r\n"
    return Description.parse((head + "\r\n".join(media) + "\r\n").encode())


def audio(formats: str = "0 8 101", *attributes: str, port: int = 6000) -> str:
    lines = [f"m=audio {port} RTP/AVP {formats}", *(f"a={a}" for a in attributes)]
    return "\r\n".join(lines)


EVENTS = "rtpmap:101 telephone-event/8000"


def test_our_own_offer_and_answer_agree() -> None:
    ours = make_offer(US)
    theirs, there = make_answer(Description.parse(bytes(ours)), THEM, [PCMA])
    here = agree(ours, Description.parse(bytes(theirs)))
    assert there == Agreed("192.0.2.1", 4000, "PCMA", 8000, 8, 8, 101, 101, 20, True, True)
    assert here == Agreed("192.0.2.2", 6000, "PCMA", 8000, 8, 8, 101, 101, 20, True, True)


def test_the_peers_first_codec_wins() -> None:
    _, agreed = make_answer(offer(audio("9 8 0 101", EVENTS)), US, [PCMU, PCMA])
    assert (agreed.codec, agreed.payload_out) == ("PCMA", 8)


def test_codec_is_known_by_name_and_not_by_number() -> None:
    answer, agreed = make_answer(
        offer(audio("96 97", "rtpmap:96 pcmu/8000/1", "rtpmap:97 telephone-event/8000")), US
    )
    assert (agreed.codec, agreed.payload_out, agreed.payload_in) == ("PCMU", 96, 96)
    assert (agreed.digits_out, agreed.digits_in) == (97, 97)
    assert answer.media[0].formats == ("96", "97")


def test_an_answer_may_number_its_payloads_otherwise() -> None:
    ours = make_offer(US)
    theirs = offer(audio("98 100", "rtpmap:98 PCMA/8000", "rtpmap:100 telephone-event/8000"))
    agreed = agree(ours, theirs)
    assert (agreed.payload_out, agreed.payload_in) == (98, 8)
    assert (agreed.digits_out, agreed.digits_in) == (100, 101)


def test_no_digits_unless_both_have_them() -> None:
    answer, agreed = make_answer(offer(audio("0")), US)
    assert (agreed.digits_out, agreed.digits_in) == (None, None)
    assert answer.media[0].formats == ("0",)
    assert agree(make_offer(US), offer(audio("0"))).digits_out is None
    _, agreed = make_answer(offer(audio("0 99", "rtpmap:99 telephone-event/48000")), US)
    assert agreed.digits_out is None


@pytest.mark.parametrize(
    ("theirs", "address", "ours", "answered", "speaks", "hears"),
    [
        ("sendrecv", "192.0.2.2", "sendrecv", "sendrecv", True, True),
        ("sendonly", "192.0.2.2", "sendrecv", "recvonly", False, True),
        ("recvonly", "192.0.2.2", "sendrecv", "sendonly", True, False),
        ("inactive", "192.0.2.2", "sendrecv", "inactive", False, False),
        ("sendrecv", "0.0.0.0", "sendrecv", "recvonly", False, True),
        ("recvonly", "0.0.0.0", "sendrecv", "inactive", False, False),
        ("sendrecv", "192.0.2.2", "sendonly", "sendonly", True, False),
        ("sendonly", "192.0.2.2", "sendonly", "inactive", False, False),
    ],
)
def test_directions_and_both_forms_of_hold(
    theirs: str, address: str, ours: str, answered: str, speaks: bool, hears: bool
) -> None:
    local = Local("192.0.2.1", 4000, direction=ours)
    answer, agreed = make_answer(offer(audio("0", theirs), connection=f"IN IP4 {address}"), local)
    assert answer.direction_of(answer.media[0]) == answered
    assert (agreed.speaks, agreed.hears) == (speaks, hears)


@pytest.mark.parametrize(
    ("ours", "theirs", "speaks", "hears"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendonly", "recvonly", True, False),
        ("sendrecv", "sendonly", False, True),
        ("sendrecv", "inactive", False, False),
        ("inactive", "inactive", False, False),
    ],
)
def test_directions_of_an_answer(ours: str, theirs: str, speaks: bool, hears: bool) -> None:
    agreed = agree(make_offer(Local("a", 1, direction=ours)), offer(audio("0", theirs)))
    assert (agreed.speaks, agreed.hears) == (speaks, hears)


def test_session_direction_counts_where_the_media_has_none() -> None:
    d = Description.parse(b"v=0\r\nc=IN IP4 1.2.3.4\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert make_answer(d, US)[1].speaks is False


def test_other_media_are_refused_in_their_places() -> None:
    answer, agreed = make_answer(
        offer("m=video 5000 RTP/AVP 31 32", "m=audio 0 RTP/AVP 0", audio("0", port=7000),
              "m=audio 7002 RTP/AVP 8", "m=image 5002 udptl t38"), US
    )  # fmt: skip
    assert agreed.port == 7000
    assert [(m.kind, m.port, m.protocol) for m in answer.media] == [
        ("video", 0, "RTP/AVP"), ("audio", 0, "RTP/AVP"), ("audio", 4000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"), ("image", 0, "UDPTL"),
    ]  # fmt: skip
    assert answer.media[0].formats == ("31", "32")


def test_secured_media_are_passed_over_for_plain_ones() -> None:
    answer, agreed = make_answer(offer("m=audio 7000 RTP/SAVP 0", audio("8", port=7002)), US)
    assert (agreed.port, agreed.codec) == (7002, "PCMA")
    assert answer.media[0].port == 0


@pytest.mark.parametrize(
    ("media", "code", "words"),
    [
        (audio("9 18"), 305, "G722, G729"),
        (audio("101", EVENTS), 305, "telephone-event"),
        (audio("77"), 305, "no known codec"),
        ("m=audio 7000 RTP/SAVP 0", 302, "RTP/SAVP"),
        ("m=video 7000 RTP/AVP 31", 304, "no audio"),
        ("m=audio 0 RTP/AVP 0", 304, "no audio"),
    ],
)
def test_nothing_in_common_says_what_there_was(media: str, code: int, words: str) -> None:
    with pytest.raises(NoCommonCodec, match=words) as error:
        make_answer(offer(media), US)
    assert error.value.code == code


def test_offer_that_says_not_where_to_send_is_an_error() -> None:
    with pytest.raises(SdpError, match="c="):
        make_answer(Description.parse(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n"), US)


@pytest.mark.parametrize("answer", [offer("m=audio 0 RTP/AVP 0"), offer(), offer(audio("18")),
                                    offer(audio("101", EVENTS))])  # fmt: skip
def test_answer_that_refuses_us_is_no_agreement(answer: Description) -> None:
    with pytest.raises(NoCommonCodec):
        agree(make_offer(US), answer)


@pytest.mark.parametrize(
    ("attributes", "ptime_ms"),
    [
        ([], 20), (["ptime:30"], 30), (["ptime:30", "maxptime:10"], 10), (["maxptime:10"], 10),
        (["ptime:zero"], 20), (["ptime:0"], 20), (["ptime:20.0"], 20), (["maxptime:150"], 20),
    ],
)  # fmt: skip
def test_packet_time_is_what_the_peer_wishes(attributes: list[str], ptime_ms: int) -> None:
    assert make_answer(offer(audio("0", *attributes)), US)[1].ptime_ms == ptime_ms


def test_ipv6_both_ways() -> None:
    ours = make_offer(Local("2001:db8::1", 4000))
    assert b"c=IN IP6 2001:db8::1\r\n" in bytes(ours)
    theirs = offer(audio("0"), connection="IN IP6 2001:db8::2")
    assert agree(ours, theirs).host == "2001:db8::2"
    held = offer(audio("0"), connection="IN IP6 ::")
    assert make_answer(held, US)[1].speaks is False


def test_version_rises_with_each_change_and_only_then() -> None:
    first = make_offer(US)
    assert (first.origin.session_id, first.origin.version) == ("7", 1)
    assert make_offer(US, previous=first) == first
    held = make_offer(Local("192.0.2.1", 4000, direction="sendonly"), previous=first)
    assert (held.origin.session_id, held.origin.version) == ("7", 2)
    answer, _ = make_answer(offer(audio("0")), US, previous=held)
    assert (answer.origin.session_id, answer.origin.version) == ("7", 3)


def test_new_offer_keeps_the_places_of_refused_media() -> None:
    answer, _ = make_answer(offer("m=video 5000 RTP/AVP 31", audio("8")), US)
    again = make_offer(US, previous=answer)
    assert [(m.kind, m.port) for m in again.media] == [("video", 0), ("audio", 4000)]
    agreed = agree(again, offer("m=video 0 RTP/AVP 31", audio("8", port=6002)))
    assert agreed.port == 6002


def test_a_new_offer_may_not_have_fewer_streams() -> None:
    """RFC 3264 section 8: what ends keeps its line, with port 0."""
    answer, _ = make_answer(offer("m=video 5000 RTP/AVP 31", audio("8")), US)
    with pytest.raises(SdpError, match="an offer has 1 where 2 were described before"):
        make_answer(offer(audio("8")), US, previous=answer)
    again, _ = make_answer(offer("m=video 0 RTP/AVP 31", audio("8")), US, previous=answer)
    assert [(m.kind, m.port) for m in again.media] == [("video", 0), ("audio", 4000)]


def test_other_codecs_are_data() -> None:
    opus = Codec("opus", 48000, 111, 2, "useinbandfec=1")
    ours = make_offer(US, [opus, PCMU])
    assert b"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n" in bytes(ours)
    theirs = offer(audio("96 0", "rtpmap:96 OPUS/48000/2"))
    agreed = agree(ours, theirs)
    assert (agreed.codec, agreed.rate, agreed.payload_out, agreed.payload_in) == (
        "opus", 48000, 96, 111,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("connection", "ours", "code"),
    [
        ("IN IP6 2001:db8::1", "192.0.2.1", 301),
        ("IN IP6 2001:db8::1", "2001:db8::2", None),
        ("IN IP4 192.0.2.2", "2001:db8::2", None),  # an IPv6 socket reaches both
        ("IN IP4 224.2.1.1/127", "192.0.2.1", 330),
        ("IN IP4 phone.example.org", "192.0.2.1", None),
        ("IN IP6 ::", "192.0.2.1", None),  # hold, in the way of RFC 2543
    ],
)
def test_sound_is_not_promised_to_where_it_cannot_go(
    connection: str, ours: str, code: int | None
) -> None:
    us = Local(ours, 4000)
    theirs = offer(audio("0"), connection=connection)
    if code is None:
        make_answer(theirs, us)
        agree(make_offer(us), theirs)
        return
    for negotiate in (lambda: make_answer(theirs, us), lambda: agree(make_offer(us), theirs)):
        with pytest.raises(NoCommonCodec) as refused:
            negotiate()
        assert refused.value.code == code
