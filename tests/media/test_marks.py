"""Marks of outgoing packets (RFC 2474), on both families."""

import socket

import pytest

from gateway.media.sockets import PortTaken, bind_pair
from tests.peers.child import free_ports, has_ipv6

FAMILIES = [
    pytest.param("127.0.0.1", socket.IPPROTO_IP, socket.IP_TOS, id="IPv4"),
    pytest.param(
        "::1", socket.IPPROTO_IPV6, socket.IPV6_TCLASS, id="IPv6",
        marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("host", "level", "option"), FAMILIES)
def test_rtp_and_rtcp_are_marked_and_arrive_with_the_mark(
    host: str, level: int, option: int
) -> None:
    port = free_ports(2)
    pair = bind_pair(host, port, 46)
    with pair[0], pair[1], socket.socket(pair[0].family, socket.SOCK_DGRAM) as peer:
        peer.bind((host, 0))
        peer.settimeout(10)
        peer.setsockopt(
            level, socket.IP_RECVTOS if level == socket.IPPROTO_IP else socket.IPV6_RECVTCLASS, 1
        )
        for sock in pair:
            assert sock.getsockopt(level, option) == 46 << 2
            sock.sendto(b"x", peer.getsockname())
            _, ancillary, _, _ = peer.recvmsg(10, 64)
            ((_, kind, data),) = ancillary
            assert kind == option
            assert data[0] == 46 << 2
        with pytest.raises(PortTaken):
            bind_pair(host, port, 46)
