"""Captures: the ring of each call, its pcap file, and Homer's packets."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip import hep
from gateway.sip.capture import Captures, Seen, call_id_of
from gateway.sip.pcap import LONGEST, PcapError, decode, encode, write

A4, B4 = ("192.0.2.1", 5060), ("198.51.100.7", 5080)
A6, B6 = ("2001:db8::1", 5060), ("2001:db8::2", 5061)


def seen(data: bytes, at: float = 1_700_000_000.25, ends: tuple = (A4, B4)) -> Seen:
    return Seen(at, *ends, "udp", data)


def message(start: str, call_id: str = "1", body: str = "") -> bytes:
    return f"{start}\r\nVia: x\r\nCall-ID: {call_id}\r\n\r\n{body}".encode()


@given(st.lists(st.tuples(st.sampled_from([(A4, B4), (A6, B6)]), st.binary(max_size=3000))))
def test_what_is_written_is_read_again(messages: list[tuple[tuple, bytes]]) -> None:
    given_ = [seen(data, 1_700_000_000 + n / 8, ends) for n, (ends, data) in enumerate(messages)]
    assert decode(encode(given_)) == given_


@given(st.binary(max_size=200), st.booleans())
def test_no_file_makes_the_reader_fail_otherwise_than_by_saying_so(data: bytes, ours: bool) -> None:
    start = encode([seen(b"OPTIONS")]) if ours else b""
    try:
        decode(start + data)
    except PcapError:
        return


def checksum(data: bytes) -> int:
    words = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_checksums_add_up() -> None:
    packet = encode([seen(b"odd length here")])[40:]
    assert checksum(packet[:20]) == 0xFFFF
    pseudo = packet[12:20] + struct.pack(">BBH", 0, 17, len(packet) - 20)
    assert checksum(pseudo + packet[20:]) == 0xFFFF
    packet = encode([seen(b"IPv6", ends=(A6, B6))])[40:]
    pseudo = packet[8:40] + struct.pack(">II", len(packet) - 40, 17)
    assert checksum(pseudo + packet[40:]) == 0xFFFF


def test_a_message_too_long_for_a_packet_is_cut() -> None:
    assert len(decode(encode([seen(b"x" * 70_000)]))[0].data) == LONGEST


def test_truncated_and_foreign_files_are_named() -> None:
    whole = encode([seen(b"OPTIONS")])
    with pytest.raises(PcapError, match="cut off"):
        decode(whole[:-1])
    with pytest.raises(PcapError, match="not a pcap"):
        decode(b"RIFF1234")
    with pytest.raises(PcapError, match="link type 105"):
        decode(whole[:20] + struct.pack("<I", 105))


def test_a_file_appears_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "captures" / "1.pcap"
    write(path, [seen(b"BYE")])
    assert [p.name for p in path.parent.iterdir()] == ["1.pcap"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_only_calls_are_kept() -> None:
    captures = Captures(10_000)
    assert not captures.wants("1", message("OPTIONS sip:x SIP/2.0"))
    assert captures.wants("1", message("INVITE sip:x SIP/2.0"))
    captures.add("1", seen(message("INVITE sip:x SIP/2.0")))
    assert captures.wants("1", message("SIP/2.0 200 OK"))
    assert not captures.wants("2", message("SIP/2.0 200 OK", "2"))
    assert [m.data[:6] for m in captures.take("1")] == [b"INVITE"]
    assert captures.take("1") == []


def test_of_a_long_call_the_beginning_and_the_newest_are_kept() -> None:
    captures = Captures(3_000)
    for n in range(50):
        captures.add("1", seen(message("INVITE sip:x SIP/2.0", body=str(n)), at=n))
    kept = [int(m.at) for m in captures.take("1")]
    assert kept[:2] == [0, 1]
    assert kept[2:] == list(range(50 - len(kept) + 2, 50))


def test_many_calls_push_out_the_oldest() -> None:
    captures = Captures(10_000, total_bytes=3_000)
    for n in range(50):
        captures.add(str(n), seen(message("INVITE sip:x SIP/2.0", str(n))))
    assert not captures.wants("0", b"")
    assert captures.wants("49", b"")


def test_the_call_id_is_found_at_a_glance() -> None:
    assert call_id_of(b"BYE sip:x SIP/2.0\r\ni :  a@b \r\n\r\n") == "a@b"
    assert call_id_of(b"BYE sip:x SIP/2.0\r\nTo: x\r\n\r\n\r\nCall-ID: in-the-body\r\n\r\n") == ""
    assert call_id_of(b"") == ""


def chunks(packet: bytes) -> dict[int, bytes]:
    assert packet[:4] == b"HEP3"
    assert int.from_bytes(packet[4:6], "big") == len(packet)
    found, at = {}, 6
    while at < len(packet):
        vendor, kind, length = struct.unpack_from(">HHH", packet, at)
        assert vendor == 0
        found[kind] = packet[at + 6 : at + length]
        at += length
    return found


def test_homer_is_told_who_said_what_to_whom() -> None:
    found = chunks(hep.encode(seen(b"BYE"), 2001, "secret", "call-1"))
    assert found == {
        1: b"\x02", 2: b"\x11", 3: bytes([192, 0, 2, 1]), 4: bytes([198, 51, 100, 7]),
        7: struct.pack(">H", 5060), 8: struct.pack(">H", 5080),
        9: struct.pack(">I", 1_700_000_000), 10: struct.pack(">I", 250_000), 11: b"\x01",
        12: struct.pack(">I", 2001), 14: b"secret", 17: b"call-1", 15: b"BYE",
    }  # fmt: skip
    found = chunks(hep.encode(Seen(1.0, A6, B6, "tls", b"x" * 70_000), 1))
    assert (found[1], found[2], len(found[5]), 14 in found) == (b"\x0a", b"\x06", 16, False)
    assert len(found[15]) < 65_000
