"""Symmetric RTP: from where sound is taken and where it is sent."""

import pytest

from gateway.media.line import Line


class Owner:
    def __init__(self, lines) -> None:
        self.lines = lines


SDP = ("192.0.2.7", 4000)
REAL = ("198.51.100.9", 61_000)
STRANGER = ("203.0.113.66", 5)
BODY = b"\x10" * 160


def test_until_sound_comes_it_goes_where_the_sdp_says(stage) -> None:
    stage.open(0)
    assert stage.run()[0].target == SDP


def test_the_first_valid_packet_tells_where_the_peer_is(stage) -> None:
    stage.open(0)
    (packet,) = stage.run(stage.rtp(0, BODY, source=REAL))
    assert packet.target == REAL
    assert stage.main["peer_family"][0] == 4
    assert stage.main["peer_address"][0, :4].tolist() == [198, 51, 100, 9]
    assert stage.main["peer_port"][0] == 61_000


def test_what_is_not_what_was_agreed_teaches_nothing(stage) -> None:
    stage.open(0)
    (packet,) = stage.run(stage.rtp(0, BODY, source=STRANGER, kind=96))
    assert packet.target == SDP
    assert stage.main["garbage"][0] == 1


def test_others_are_counted_and_not_heard(stage) -> None:
    stage.open(0)
    stage.run(stage.rtp(0, BODY, source=REAL))
    (packet,) = stage.run(stage.rtp(0, BODY, source=STRANGER))
    assert packet.target == REAL
    assert stage.main["foreign"][0] == 1
    assert stage.main["received"][0] == 1


def test_whoever_was_quicker_loses_the_line_to_where_the_sdp_says(stage) -> None:
    stage.open(0)
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == STRANGER
    assert stage.run(stage.rtp(0, BODY, source=SDP))[0].target == SDP
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == SDP
    assert stage.main["foreign"][0] == 1


def test_a_key_press_teaches_as_well_as_sound(stage) -> None:
    stage.open(0)
    (packet,) = stage.run(stage.rtp(0, b"\x01\x0a\x00\xa0", source=REAL, kind=101))
    assert packet.target == REAL


def test_a_re_invite_with_another_address_is_followed_at_once(stage) -> None:
    stage.open(0)
    stage.run(stage.rtp(0, BODY, source=REAL))
    stage.open(0, host="192.0.2.50", port=7000)
    assert stage.run()[0].target == ("192.0.2.50", 7000)
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == STRANGER


def test_a_re_invite_with_the_same_address_keeps_the_way_through_the_nat(stage) -> None:
    stage.open(0)
    stage.run(stage.rtp(0, BODY, source=REAL))
    stage.open(0, hears=False)
    assert stage.run()[0].target == REAL
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == STRANGER


def test_after_long_silence_the_peer_may_come_from_elsewhere(stage) -> None:
    stage.open(0)
    stage.run(stage.rtp(0, BODY, source=REAL))
    stage.now += 4.9
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == REAL
    stage.now += 0.1
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == STRANGER


def test_another_process_stays_with_the_peer(stage) -> None:
    stage.open(0)
    stage.run(stage.rtp(0, BODY, source=REAL))
    stage.another_process()
    (packet,) = stage.run(stage.rtp(0, BODY, source=STRANGER))
    assert packet.target == REAL
    assert stage.main["foreign"][0] == 1


def test_an_unspecified_address_is_nowhere_until_sound_comes(stage) -> None:
    stage.open(0, host="0.0.0.0")
    assert stage.run() == []
    assert stage.run(stage.rtp(0, BODY, source=REAL))[0].target == REAL


def test_an_ipv4_peer_of_an_ipv6_line_is_named_as_its_socket_names_it(stage) -> None:
    line = Line(Owner(stage.main), 0, 20_000, "::")
    stage.open(0, host="2001:db8::1")
    agreed = {"codec": 0, "payload_out": 0, "payload_in": 0, "digits_out": None, "digits_in": None}
    line.agree(host="192.0.2.1", port=4000, **agreed, speaks=True, hears=True)
    stage.settle()
    assert stage.run()[0].target == ("::ffff:192.0.2.1", 4000, 0, 0)


def test_an_ipv6_peer_of_an_ipv4_line_is_refused(stage) -> None:
    line = Line(Owner(stage.main), 0, 20_000, "0.0.0.0")
    agreed = {"codec": 0, "payload_out": 0, "payload_in": 0, "digits_out": None, "digits_in": None}
    with pytest.raises(ValueError, match="only IPv4"):
        line.agree(host="2001:db8::1", port=4000, **agreed, speaks=True, hears=True)
    assert not stage.main["live"][0]


def test_ipv6(stage) -> None:
    source = ("2001:db8::9", 6000, 0, 0)
    stage.open(0, host="2001:db8::1", port=4000)
    assert stage.run()[0].target == ("2001:db8::1", 4000, 0, 0)
    assert stage.run(stage.rtp(0, BODY, source=source))[0].target == source
    stage.another_process()
    assert stage.run(stage.rtp(0, BODY, source=source))[0].target == source
    assert stage.main["foreign"][0] == 0


PUBLIC = "8.8.8.8"


def later(stage, seconds: float) -> None:
    """So long without a packet from anybody."""
    stage.now += seconds
    stage.media["beats_at"][0] = stage.now


def test_who_turns_up_elsewhere_too_late_is_not_believed(stage) -> None:
    later(stage, 0)
    stage.open(0, host=PUBLIC)
    later(stage, 31)
    (packet,) = stage.run(stage.rtp(0, BODY, source=STRANGER))
    assert packet.target == (PUBLIC, SDP[1])
    assert stage.main["foreign"][0] == 1
    stage.run(stage.rtp(0, BODY, source=(PUBLIC, SDP[1])))
    assert stage.main["received"][0] == 1


def test_within_the_window_and_after_a_re_invite_the_first_is_the_peer(stage) -> None:
    later(stage, 0)
    stage.open(0, host=PUBLIC)
    later(stage, 29)
    assert stage.run(stage.rtp(0, BODY, source=REAL))[0].target == REAL
    later(stage, 31)
    stage.open(0, host=PUBLIC, port=4002)
    later(stage, 29)
    assert stage.run(stage.rtp(0, BODY, source=STRANGER))[0].target == STRANGER


def test_behind_a_router_a_peer_may_turn_up_at_any_time(stage) -> None:
    later(stage, 0)
    stage.open(0, host="192.168.1.20")
    later(stage, 600)
    assert stage.run(stage.rtp(0, BODY, source=REAL))[0].target == REAL
