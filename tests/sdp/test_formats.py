"""Offer and answer with more than G.711: parameters, clocks, comfort noise, several codecs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway_codecs
from gateway.sdp import (
    G711,
    G722,
    L16,
    L16_NARROW,
    OPUS,
    PCMA,
    PCMU,
    USUAL,
    Codec,
    Description,
    Local,
    OpusWishes,
    agree,
    make_answer,
    make_offer,
    opus_wishes,
)

US, THEM = Local("192.0.2.1", 4000), Local("192.0.2.2", 6000)
EVENTS = ("rtpmap:101 telephone-event/8000", "rtpmap:96 telephone-event/48000")


def offer(formats: str, *attributes: str) -> Description:
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    lines = [f"m=audio 6000 RTP/AVP {formats}", *(f"a={a}" for a in attributes)]
    return Description.parse((head + "\r\n".join(lines) + "\r\n").encode())


@pytest.mark.parametrize(
    "ours", [OPUS, G722, L16, L16_NARROW, PCMA, PCMU], ids=lambda c: str(c.payload)
)
def test_what_is_offered_is_what_the_codecs_package_can_do(ours: Codec) -> None:
    index = gateway_codecs.codec_named(ours.name, ours.rate)
    assert index is not None
    codec = gateway_codecs.CODECS[index]
    assert (codec.payload, codec.channels) == (ours.payload, ours.channels)


def test_good_sound_is_offered_first_and_digits_on_every_clock() -> None:
    text = bytes(make_offer(US, USUAL)).decode()
    assert "m=audio 4000 RTP/AVP 107 9 0 8 110 101\r\n" in text
    assert "a=rtpmap:107 opus/48000/2\r\n" in text
    assert "a=fmtp:107 maxplaybackrate=16000;" in text
    assert "a=rtpmap:9 G722/8000\r\n" in text
    assert "a=rtpmap:110 telephone-event/48000\r\n" in text
    assert "a=ptime:20\r\na=maxptime:60\r\n" in text


def test_a_trunk_of_g711_hears_of_nothing_else() -> None:
    assert b"m=audio 4000 RTP/AVP 0 8 101\r\n" in bytes(make_offer(US, G711))
    _, agreed = make_answer(offer("107 9 8 0", "rtpmap:107 opus/48000/2"), US, G711)
    assert agreed.codec == "PCMA"


def test_two_of_us_agree_on_opus() -> None:
    ours = make_offer(US, USUAL)
    theirs, there = make_answer(Description.parse(bytes(ours)), THEM, USUAL)
    here = agree(ours, Description.parse(bytes(theirs)))
    for agreed in (here, there):
        assert (agreed.codec, agreed.rate, agreed.payload_out) == ("opus", 48_000, 107)
        assert (agreed.digits_in, agreed.digits_rate) == (110, 48_000)
        assert opus_wishes(agreed.fmtp).playback_rate == 16_000
        assert opus_wishes(agreed.fmtp).fec


def test_the_answer_has_the_peers_number_and_our_parameters() -> None:
    answer, agreed = make_answer(
        offer("111 96", "rtpmap:111 OPUS/48000/2", EVENTS[1],
              "fmtp:111 maxaveragebitrate=20000; stereo=1;usedtx=1"), US, USUAL,
    )  # fmt: skip
    assert b"a=fmtp:111 maxplaybackrate=16000;" in bytes(answer)
    assert b"stereo=1" not in bytes(answer)
    wishes = opus_wishes(agreed.fmtp)
    assert (wishes.bitrate, wishes.dtx, wishes.stereo, wishes.fec) == (20_000, True, True, False)


@pytest.mark.parametrize(
    ("formats", "digits", "rate"),
    [("107 101 96", 96, 48_000), ("107 101", 101, 8000), ("107", None, 8000), ("0 96", None, 8000)],
)
def test_digits_are_on_the_clock_of_the_sound_or_the_telephones(
    formats: str, digits: int | None, rate: int
) -> None:
    _, agreed = make_answer(offer(formats, "rtpmap:107 opus/48000/2", *EVENTS), US, USUAL)
    assert (agreed.digits_out, agreed.digits_rate) == (digits, rate)


def test_digits_of_an_answer_are_numbered_by_each_for_itself() -> None:
    ours = make_offer(US, USUAL)
    agreed = agree(ours, offer("111 101 96", "rtpmap:111 opus/48000/2", *EVENTS))
    assert (agreed.payload_out, agreed.payload_in) == (111, 107)
    assert (agreed.digits_out, agreed.digits_in, agreed.digits_rate) == (96, 110, 48_000)
    agreed = agree(ours, offer("111 101", "rtpmap:111 opus/48000/2", *EVENTS))
    assert (agreed.digits_out, agreed.digits_in, agreed.digits_rate) == (101, 101, 8000)


def test_whatever_an_answer_lists_may_come() -> None:
    agreed = agree(make_offer(US, USUAL), offer("8 96 101", "rtpmap:96 G722/8000", *EVENTS[:1]))
    assert agreed.codec == "PCMA"
    assert [(c.name, c.payload) for c in agreed.others] == [("G722", 9)]


def test_comfort_noise_is_agreed_on_only_if_both_want_it() -> None:
    silent = Local("192.0.2.1", 4000, comfort=True)
    theirs = offer("0 13 101", *EVENTS[:1])
    assert make_answer(theirs, US)[1].comfort is None
    answer, agreed = make_answer(theirs, silent)
    assert agreed.comfort == 13
    assert answer.media[0].formats == ("0", "13", "101")
    assert agree(make_offer(silent), theirs).comfort == 13
    assert agree(make_offer(silent), offer("0")).comfort is None
    assert agree(make_offer(US), theirs).comfort is None


@pytest.mark.parametrize(
    ("fmtp", "wishes"),
    [
        ("", OpusWishes()),
        ("useinbandfec=1;usedtx=1", OpusWishes(fec=True, dtx=True)),
        ("cbr=1;stereo=1", OpusWishes(constant=True, stereo=True)),
        (" MaxPlaybackRate = 8000 ; maxaveragebitrate=16000", OpusWishes(8000, 16_000)),
        ("maxplaybackrate=7;maxaveragebitrate=999999;useinbandfec=yes", OpusWishes()),
        ("sprop-stereo=1;minptime=10;x", OpusWishes()),
    ],
)  # fmt: skip
def test_what_opus_peers_wish(fmtp: str, wishes: OpusWishes) -> None:
    assert opus_wishes(fmtp) == wishes


@given(st.text())
def test_no_parameters_break_it(fmtp: str) -> None:
    wishes = opus_wishes(fmtp)
    assert 8000 <= wishes.playback_rate <= 48_000
    assert wishes.bitrate == 0 or 6000 <= wishes.bitrate <= 510_000
