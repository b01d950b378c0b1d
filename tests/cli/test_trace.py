"""``trunkline trace``: the ladder of a call, from a file or from the gateway."""

from pathlib import Path

import pytest
from rich.text import Text
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.ladder import ladder, sdp_summary
from gateway.sip.capture import Seen
from gateway.sip.pcap import write

US, PBX, PROXY = ("192.0.2.1", 5060), ("198.51.100.7", 5080), ("2001:db8::1", 5060)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 20000 RTP/AVP 0 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n"
)


def message(start: str, cseq: str, body: bytes = b"") -> bytes:
    head = f"{start}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: {cseq}\r\n\r\n"
    return head.encode() + body


def say(at: float, source: tuple, destination: tuple, data: bytes) -> Seen:
    return Seen(1_700_000_000 + at, source, destination, "udp", data)


INVITE = message("INVITE sip:bob@pbx SIP/2.0", "1 INVITE", SDP)
CALL = [
    say(0.0, US, PBX, INVITE),
    say(0.5, US, PBX, INVITE),
    say(0.512, PBX, US, message("SIP/2.0 486 Busy [here]", "1 INVITE")),
    say(0.513, US, PBX, message("ACK sip:bob@pbx SIP/2.0", "1 ACK")),
]


def plain(messages: list[Seen]) -> list[str]:
    return [Text.from_markup(line).plain.rstrip() for line in ladder(messages)]


def test_every_message_is_an_arrow_from_its_sender_to_its_receiver() -> None:
    lines = plain(CALL)
    assert lines[0].split() == ["192.0.2.1:5060", "198.51.100.7:5080"]
    assert [line.split()[0] for line in lines[1:] if "─" in line] == [
        "0.000", "0.500", "0.512", "0.513",
    ]  # fmt: skip
    assert "─ INVITE (1) ─" in lines[1]
    assert lines[1].endswith("▶│")
    assert "SDP 192.0.2.1 audio :20000 PCMU/opus/telephone-event, sendonly" in lines[2]
    assert "INVITE (1) (again)" in lines[3]
    assert "│◀" in lines[5]
    assert "486 Busy [here] (1 INVITE)" in lines[5]
    assert len({line.index("│") for line in lines[1:]}) == 1
    assert len({len(line) for line in lines[1:] if "─" in line}) == 1


def test_a_third_party_has_a_column_of_its_own() -> None:
    lines = plain([*CALL, say(0.6, PROXY, PBX, message("OPTIONS sip:x SIP/2.0", "1 OPTIONS"))])
    assert "[2001:db8::1]:5060" in lines[0]
    assert "OPTIONS (1)" in lines[-1]


def test_what_is_no_sip_is_left_out() -> None:
    assert plain([say(0, US, PBX, b"\r\n\r\n")]) == ["no SIP messages"]
    assert sdp_summary(b"Signal=5") == ""


def test_a_file_needs_no_gateway(tmp_path: Path) -> None:
    write(tmp_path / "1.pcap", CALL)
    shown = CliRunner().invoke(app, ["trace", str(tmp_path / "1.pcap")])
    assert shown.exit_code == 0
    assert "INVITE (1)" in shown.output


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    shown = CliRunner().invoke(app, ["trace", str(tmp_path / "x.wav")])
    assert shown.exit_code == 1
    assert "not a pcap file" in shown.stderr


@pytest.mark.usefixtures("api")
def test_a_call_that_is_unknown_is_said() -> None:
    shown = CliRunner().invoke(app, ["trace", "11111111-1111-4111-8111-111111111111"])
    assert shown.exit_code == 1
    assert "404" in shown.stderr
