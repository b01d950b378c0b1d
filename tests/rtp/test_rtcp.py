"""RTCP as bytes: what peers really send, the same cut off anywhere, and anything else."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp import rtcp
from gateway.rtp.rtcp import Delay, Malformed, Report, Sender

# By hand, after the figures of RFC 3550 6.4.1 and 6.5: SR without a report, and SDES.
SR_SDES = bytes.fromhex(
    "80c80006 1a2b3c4d ee1f2b3c 80000000 00003e80 000000fa 00009c40"
    "81ca0006 1a2b3c4d 010f 7068 6f6e 6540 3132 372e 302e 302e 3100 0000"
)
# RR with one report: 25 % lost just now, 7 in all, jitter 160 units.
RR = bytes.fromhex("81c90007 00000005 000003e8 40000007 0001ffff 000000a0 2b3c8000 00010000")
# XR: RRTR, DLRR with one answer, VoIP metrics.
XR = bytes.fromhex(
    "80cf0011 00000005"
    "04000002 ee1f2b3c 80000000"
    "05000003 000003e8 2b3c8000 00008000"
    "07000008 000003e8 0d001a00 00780fa0 00500028 e2b07f10 5d7f2a29 50000028 00780190"
)
BYE = bytes.fromhex("81cb0003 00000005 06746972 65642100")
APP = bytes.fromhex("80cc0002 00000005 54455354")
FEEDBACK = bytes.fromhex("81cd0002 00000005 000003e8")  # of a type nobody here reads
# Recorded from a call between pjsua2 2.15 and baresip 1.0, one datagram each.
PJSUA2 = bytes.fromhex(
    "81c8000c4fd018dceeabeb15e2dee92a000134f0000001ee000134c0a36384710000000000006ce800000007"
    "eb11e70e0004e2b281ca00064fd018dc0110343061616631306333346666306236360000"
)
PJSUA2_BYE = bytes.fromhex(
    "81c900074fd018dca36384710000000000006cee00000007eb16e7130000014981ca00064fd018dc01103430"
    "6161663130633334666630623636000081cb00014fd018dc"
)
BARESIP = bytes.fromhex(
    "81c8000ca3638471eeabeb16e713be2200014d31000001f4000138804fd018dc000000000000810000000005"
    "eb15e2de00001d2f81ca0009a3638471011b7369703a62617265736970403132372e302e302e313a35353830"
    "34000000"
)
BARESIP_BYE = bytes.fromhex(
    "81cb0003a36384710441646a6f00000081ca0009a3638471011b7369703a6261726573697040313237"
    "2e302e302e313a3535383034000000"
)
BARESIP_APP = bytes.fromhex("80cc0003a363847150494e47504f4e47")
EVERY = {
    "pjsua2": PJSUA2,
    "pjsua2 bye": PJSUA2_BYE,
    "baresip": BARESIP,
    "baresip bye": BARESIP_BYE,
    "baresip app": BARESIP_APP,
    "sr": SR_SDES,
    "rr": RR,
    "xr": XR,
    "bye": BYE,
    "app": APP,
    "compound": RR + XR + BYE,
}


def test_a_sender_report_and_its_name() -> None:
    found = rtcp.parse(SR_SDES)
    assert found.ssrc == 0x1A2B3C4D
    assert found.sender == Sender(0xEE1F2B3C80000000, 16_000, 250, 40_000)
    assert found.cname == "phone@127.0.0.1"
    assert not found.reports


def test_a_receiver_report() -> None:
    (report,) = rtcp.parse(RR).reports
    assert report == Report(1000, 0.25, 7, 0x1FFFF, 160, 0x2B3C8000, 65536)


def test_an_extended_report() -> None:
    found = rtcp.parse(XR)
    assert found.reference == 0xEE1F2B3C80000000
    assert found.delays == [Delay(1000, 0x2B3C8000, 0x8000)]
    (metrics,) = found.voip
    assert metrics.ssrc == 1000
    assert metrics.loss == pytest.approx(13 / 256)
    assert metrics.round_trip_ms == 80
    assert metrics.end_system_ms == 40
    assert metrics.r_factor == 93
    assert metrics.mos_listening == 4.2
    assert metrics.mos_conversation == 4.1


def test_what_telephones_of_others_sent() -> None:
    theirs, ours = rtcp.parse(PJSUA2), rtcp.parse(BARESIP)
    assert theirs.sender
    assert (theirs.sender.packets, theirs.sender.octets) == (494, 79_040)
    assert theirs.reports == [Report(0xA3638471, 0.0, 0, 27_880, 7, 0xEB11E70E, 320_178)]
    assert ours.reports == [Report(0x4FD018DC, 0.0, 0, 33_024, 5, 0xEB15E2DE, 7471)]
    assert (theirs.cname, ours.cname) == ("40aaf10c34ff0b66", "sip:baresip@127.0.0.1:55804")
    assert rtcp.parse(PJSUA2_BYE).bye
    assert rtcp.parse(BARESIP_BYE).bye  # without a report before it (RFC 5506)
    assert not rtcp.parse(BARESIP_APP).bye


def test_what_is_not_read_is_passed_over() -> None:
    found = rtcp.parse(APP + FEEDBACK + BYE)
    assert found.bye
    assert not found.reports


def test_reduced_size_packets_are_read() -> None:
    assert rtcp.parse(BYE).bye
    assert rtcp.parse(XR).voip


def test_reduced_size_packets_are_written() -> None:
    """RFC 5506: the report alone, without a name."""
    report = Report(9, 0.5, 3, 70_000, 80)
    whole, part = (
        rtcp.write(5, "me@here", reports=[report], compound=each) for each in (True, False)
    )
    assert part.hex() == "81c900070000000500000009800000030001117000000050" + "0" * 16
    assert whole.startswith(part)
    assert rtcp.parse(part).reports == [report]
    assert rtcp.parse(part).cname == ""


def test_padding_is_allowed_on_the_last_packet_only() -> None:
    padded = bytes.fromhex("a1cb0002 00000005 00000004")
    assert rtcp.parse(padded).bye
    with pytest.raises(Malformed, match="padding"):
        rtcp.parse(padded + BYE)


@pytest.mark.parametrize("whole", EVERY.values(), ids=EVERY.keys())
def test_the_truncated_twins_are_malformed(whole: bytes) -> None:
    ends = {0}  # where a packet ends, what came before is a whole datagram
    while max(ends) < len(whole):
        at = max(ends)
        ends.add(at + 4 * (1 + struct.unpack_from(">H", whole, at + 2)[0]))
    for size in range(len(whole)):
        if size in ends - {0}:
            rtcp.parse(whole[:size])
        else:
            with pytest.raises(Malformed):
                rtcp.parse(whole[:size])


@pytest.mark.parametrize(
    "bad",
    [
        "81c90001 00000005",  # a report promised and not there
        "81ca0001 00000005",  # a chunk without an end
        "81ca0002 00000005 01ff4142",  # an item longer than the packet
        "80cf0002 00000005 07000008",  # a block longer than the packet
        "a0c90001 00000000",  # no padding at all
        "40c90001 00000005",  # another version
        "80000001 00000005",  # RTP
    ],
)
def test_lengths_that_lie_are_malformed(bad: str) -> None:
    with pytest.raises(Malformed):
        rtcp.parse(bytes.fromhex(bad))


U32 = st.integers(0, 2**32 - 1)
REPORTS = st.lists(
    st.builds(Report, U32, st.integers(0, 255).map(lambda n: n / 256),
              st.integers(-(2**23), 2**23 - 1), U32, U32, U32, U32),
    max_size=31,
)  # fmt: skip


@given(U32, st.text(max_size=60),
       st.none() | st.builds(Sender, st.integers(0, 2**64 - 1), U32, U32, U32), REPORTS,
       st.lists(st.builds(Delay, U32, U32, U32), max_size=3), st.booleans())  # fmt: skip
def test_what_is_written_is_read(ssrc, cname, sender, reports, delays, bye) -> None:
    data = rtcp.write(ssrc, cname, sender=sender, reports=reports, delays=delays, bye=bye)
    assert len(data) % 4 == 0
    found = rtcp.parse(data)
    assert (found.ssrc, found.sender, found.reports) == (ssrc, sender, reports)
    assert (found.cname, found.delays, found.bye) == (cname, delays, bye)


@given(st.one_of(
    st.binary(max_size=200),
    st.builds(lambda a, b: a + b, st.sampled_from(list(EVERY.values())), st.binary(max_size=40)),
    st.builds(lambda whole, at, byte: whole[:at % len(whole)] + bytes([byte])
              + whole[at % len(whole) + 1:],
              st.sampled_from(list(EVERY.values())), st.integers(0), st.integers(0, 255)),
))  # fmt: skip
def test_nothing_but_malformed_comes_of_anything(data: bytes) -> None:
    try:
        rtcp.parse(data)
    except Malformed:
        return


def test_metrics_are_written_as_they_are_read() -> None:
    (metrics,) = rtcp.parse(XR).voip
    written = rtcp.write(5, "phone", delays=[Delay(1, 2, 3)], voip=[metrics, metrics])
    found = rtcp.parse(written)
    assert found.voip == [metrics, metrics]
    assert found.delays == [Delay(1, 2, 3)]
    unknown = rtcp.VoipMetrics(9, 2.0, -1.0, 0.0, 0.0, 99_999, 0, None, None, None)
    (found,) = rtcp.parse(rtcp.write(5, "phone", voip=[unknown])).voip
    assert (found.loss, found.discard, found.round_trip_ms) == (255 / 256, 0.0, 65_535)
    assert (found.r_factor, found.mos_listening) == (None, None)
