"""HEP version 3, also called EEP: how Homer is told of a message.

https://github.com/sipcapture/HEP/blob/master/docs/HEP3_rev12.pdf
"""

import struct
from ipaddress import ip_address

from gateway.sip.capture import Seen

AF_INET, AF_INET6 = 2, 10  # of the protocol, whatever this machine's are
PROTOCOLS = {"udp": 17, "tcp": 6, "tls": 6, "ws": 6, "wss": 6}  # what carried it, of IP
SIP = 1  # "protocol type"
LONGEST = 65_000  # the packet's length has 16 bits


def encode(seen: Seen, capture_id: int, auth_key: str = "", call_id: str = "") -> bytes:
    """One packet; a message that is too long for it is cut."""
    ends = [ip_address(end[0].partition("%")[0]) for end in (seen.source, seen.destination)]
    inet6 = ends[1].version == 6
    micros = round(seen.at * 1_000_000)
    packed = [end.packed if (end.version == 6) == inet6 else bytes(16 if inet6 else 4)
              for end in ends]  # fmt: skip
    body = b"".join((
        _chunk(1, bytes([AF_INET6 if inet6 else AF_INET])),
        _chunk(2, bytes([PROTOCOLS[seen.transport]])),
        _chunk(5 if inet6 else 3, packed[0]),
        _chunk(6 if inet6 else 4, packed[1]),
        _chunk(7, struct.pack(">H", seen.source[1])),
        _chunk(8, struct.pack(">H", seen.destination[1])),
        _chunk(9, struct.pack(">I", micros // 1_000_000)),
        _chunk(10, struct.pack(">I", micros % 1_000_000)),
        _chunk(11, bytes([SIP])),
        _chunk(12, struct.pack(">I", capture_id)),
        _chunk(14, auth_key.encode()) if auth_key else b"",
        _chunk(17, call_id.encode()[:1000]) if call_id else b"",
    ))  # fmt: skip
    body += _chunk(15, seen.data[: LONGEST - len(body)])
    return b"HEP3" + struct.pack(">H", 6 + len(body)) + body


def _chunk(kind: int, content: bytes) -> bytes:
    """Of vendor 0, which is the protocol's own."""
    return struct.pack(">HHH", 0, kind, 6 + len(content)) + content
