"""Captured messages as a pcap file, and back: what tcpdump and Wireshark read.

Every message is a UDP datagram in it, whatever carried it: what was said over TLS could not be
read otherwise. Packets are raw IP (LINKTYPE_RAW), without a link layer that never was.
"""

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

from gateway.errors import GatewayError
from gateway.sip.capture import Seen
from gateway.sip.routing import Address

MAGIC = 0xA1B2C3D4
LINKTYPE_RAW = 101  # https://www.tcpdump.org/linktypes.html
UDP = 17
LONGEST = 65_000  # bytes of one message; IPv4's total length has 16 bits


class PcapError(GatewayError):
    """Not a pcap file that we can read; ``str()`` says why."""


def encode(messages: Iterable[Seen]) -> bytes:
    header = struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 65_535, LINKTYPE_RAW)
    return header + b"".join(_record(seen) for seen in messages)


def write(path: Path, messages: Iterable[Seen]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(encode(messages))
    part.chmod(0o600)
    part.replace(path)


def decode(data: bytes) -> list[Seen]:
    """The UDP datagrams in a file, ours or tcpdump's; ``transport`` is "udp" for all. Raises
    PcapError."""
    order = {MAGIC.to_bytes(4, "little"): "<", MAGIC.to_bytes(4, "big"): ">"}.get(data[:4])
    if order is None:
        raise PcapError("not a pcap file (of the classic kind, with microseconds)")
    if len(data) < 24:
        raise PcapError("the file's header is cut off")
    (link,) = struct.unpack_from(f"{order}I", data, 20)
    skip = {LINKTYPE_RAW: 0, 1: 14, 113: 16, 276: 20}.get(link & 0xFFFF)  # Ethernet, Linux cooked
    if skip is None:
        raise PcapError(f"link type {link} is not known here")
    return list(_datagrams(data, order, skip))


def _datagrams(data: bytes, order: str, skip: int) -> Iterator[Seen]:
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from(f"{order}IIII", data, at)
        packet = data[at + 16 : at + 16 + length]
        if len(packet) < length:
            raise PcapError("the last packet is cut off")
        at += 16 + length
        if found := _udp(packet[skip:]):
            yield Seen(seconds + micros / 1e6, found[0], found[1], "udp", found[2])


def _udp(packet: bytes) -> tuple[Address, Address, bytes] | None:
    if not packet:
        return None
    if packet[0] >> 4 == 4 and len(packet) >= 20 and packet[9] == UDP:
        start, ends = (packet[0] & 15) * 4, (packet[12:16], packet[16:20])
    elif packet[0] >> 4 == 6 and len(packet) >= 40 and packet[6] == UDP:
        start, ends = 40, (packet[8:24], packet[24:40])
    else:
        return None
    if len(packet) < start + 8:
        return None
    source, destination, length, _ = struct.unpack_from(">HHHH", packet, start)
    payload = packet[start + 8 : start + max(length, 8)]
    hosts = [str(ip_address(end)) for end in ends]
    return (hosts[0], source), (hosts[1], destination), payload


def _record(seen: Seen) -> bytes:
    packet = _ip(seen.source, seen.destination, seen.data[:LONGEST])
    micros = round(seen.at * 1_000_000)
    size = len(packet)
    return struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, size, size) + packet


def _ip(source: Address, destination: Address, payload: bytes) -> bytes:
    ends = _packed(source[0]), _packed(destination[0])
    if len(ends[0]) != len(ends[1]):  # our end is not known in the peer's family
        ends = bytes(len(ends[1])), ends[1]
    length = 8 + len(payload)
    udp = struct.pack(">HHHH", source[1], destination[1], length, 0)
    pseudo = ends[0] + ends[1] + struct.pack(">II", length, UDP)
    check = _checksum(pseudo + udp + payload) or 0xFFFF  # RFC 768: 0 would say that there is none
    udp = udp[:6] + check.to_bytes(2, "big") + payload
    if len(ends[0]) == 16:
        return struct.pack(">IHBB", 6 << 28, length, UDP, 64) + ends[0] + ends[1] + udp
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, UDP, 0) + ends[0] + ends[1]
    return head[:10] + _checksum(head).to_bytes(2, "big") + head[12:] + udp


def _packed(host: str) -> bytes:
    return ip_address(host.partition("%")[0]).packed


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    words = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
