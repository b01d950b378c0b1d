"""Real sockets on the loopback, through both ways of reading and writing them.

What was sent to a socket may reach it a little later, so tests look again until all has come.
"""

import errno
import select
import socket
import time

import numpy as np
import pytest

from gateway.media import process, uring
from gateway.media.addresses import pack, unpack
from gateway.media.guard import Guard
from gateway.media.line import Line, Srtp
from gateway.media.lines import Lines, Writer
from gateway.media.loop import DATAGRAM, ROUNDS, Loop, room
from gateway.media.packing import Outgoing
from gateway.media.ring import Ring
from gateway.media.sockets import Sockets
from gateway.rtp.srtp import NUMBERS, SUITES, Receiving, Sending
from tests.peers.child import has_ipv6

DEADLINE_S = 30.0
ROWS = 16
RECVERR = 11  # IP_RECVERR, which the socket module does not name before Python 3.14
HEAD = b"\x80\0\0\1" + bytes(8)
REPORT = b"\x80\xc9\0\1\0\0\3\xe8"


def bound(host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind((host, 0))
    return sock


HOSTS = [
    "127.0.0.1",
    pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6")),
]


class Rig:
    """A few rows with sockets, and their peers."""

    def __init__(self, way: type[Loop] | type[Ring]) -> None:
        self.main = Lines.make(ROWS)
        self.guard = Guard(Lines(self.main.fd, ROWS, Writer.MEDIA))
        self.sockets = Sockets(ROWS, self.guard, way(ROWS))
        self.at: dict[int, socket.socket] = {}  # main's own, by slot
        self.peers: list[socket.socket] = []

    @property
    def lines(self) -> Lines:
        return self.main

    def open(self, *slots: int, host: str = "127.0.0.1") -> None:
        for slot in slots:
            self.at[slot] = bound(host)
            self.sockets.add(slot, socket.dup(self.at[slot].fileno()))

    def peer(self, host: str = "127.0.0.1") -> socket.socket:
        self.peers.append(bound(host))
        return self.peers[-1]

    def receive(self, count: int) -> list[list[tuple[int, bytes, tuple[object, ...]]]]:
        """So many datagrams: of each call of ``receive`` what there was, as row, octets, source."""
        found: list[list[tuple[int, bytes, tuple[object, ...]]]] = []
        deadline = time.monotonic() + DEADLINE_S
        while sum(map(len, found)) < count:
            assert time.monotonic() < deadline
            select.select(list(self.at.values()), [], [], DEADLINE_S)
            found.append([])
            for batch in self.sockets.receive():
                assert len(set(batch.rows.tolist())) == len(batch.rows)
                found[-1] += [
                    (row, octets[:length].tobytes(), unpack(source))
                    for row, octets, length, source in zip(
                        batch.rows.tolist(), batch.data, batch.lengths, batch.sources, strict=True
                    )
                ]
        return found

    def came(self, count: int) -> list[tuple[int, bytes, tuple[object, ...]]]:
        return [datagram for call in self.receive(count) for datagram in call]

    def send(self, *packets: tuple[int, bytes, tuple[object, ...]]) -> list[int]:
        """Rows that were refused."""
        table = np.zeros((len(packets), max(map(len, (octets for _, octets, _ in packets)))), "u1")
        for its, (_, octets, _) in zip(table, packets, strict=True):
            its[: len(octets)] = list(octets)
        refused = self.sockets.send(Outgoing(
            np.array([row for row, _, _ in packets]),
            table,
            np.array([len(octets) for _, octets, _ in packets]),
            np.array([pack(target) for _, _, target in packets]),
        ))  # fmt: skip
        return refused.tolist()

    def close(self) -> None:
        self.sockets.close()
        for sock in [*self.at.values(), *self.peers]:
            sock.close()
        self.main.close()


def heard(peer: socket.socket) -> tuple[bytes, tuple[object, ...]]:
    assert select.select([peer], [], [], DEADLINE_S)[0]
    return peer.recvfrom(4096)


@pytest.fixture(params=[Loop, Ring])
def rig(request):
    try:
        rig = Rig(request.param)
    except OSError as error:
        pytest.skip(f"no io_uring here: {error}")
    yield rig
    rig.close()


@pytest.mark.parametrize("host", HOSTS)
def test_sound_comes_with_its_row_and_source(rig, host) -> None:
    rig.open(2, 5, 9, host=host)
    peers = {row: rig.peer(host) for row in (9, 2, 5)}
    for row, peer in peers.items():
        peer.sendto(HEAD + bytes([row]) * 160, rig.at[row].getsockname())
    came = rig.came(3)
    assert sorted(came) == [
        (row, HEAD + bytes([row]) * 160, peers[row].getsockname()) for row in (2, 5, 9)
    ]
    assert rig.sockets.receive() == []


@pytest.mark.parametrize("host", HOSTS)
def test_packets_go_to_their_targets(rig, host) -> None:
    rig.open(0, 7, host=host)
    one, other = rig.peer(host), rig.peer(host)
    assert not rig.send(
        (0, b"a" * 172, one.getsockname()),
        (7, b"b" * 20, other.getsockname()),
        (7, b"c" * 1300, other.getsockname()),
    )
    assert heard(one) == (b"a" * 172, rig.at[0].getsockname())
    assert [heard(other) for _ in range(2)] == [
        (octets, rig.at[7].getsockname()) for octets in (b"b" * 20, b"c" * 1300)
    ]
    assert not rig.send((0, b"d" * 172, other.getsockname()))
    assert heard(other)[0] == b"d" * 172


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6")
def test_an_ipv4_peer_of_an_ipv6_line(rig) -> None:
    rig.open(3, host="::")
    peer, port = rig.peer(), rig.at[3].getsockname()[1]
    peer.sendto(HEAD, ("127.0.0.1", port))
    [(row, _, source)] = rig.receive(1)[-1]
    assert (row, source) == (3, ("::ffff:127.0.0.1", peer.getsockname()[1], 0, 0))
    assert not rig.send((3, b"back", source))
    assert heard(peer)[0] == b"back"


def test_a_flood_is_read_in_order_and_in_portions(rig) -> None:
    rig.open(*range(ROWS))
    peer, each = rig.peer(), 2 * ROUNDS + 3
    for n in range(each):
        for row in range(ROWS):
            peer.sendto(HEAD + bytes([n]), rig.at[row].getsockname())
    calls = rig.receive(ROWS * each)
    for row in range(ROWS):
        of_row = [[octets[-1] for its, octets, _ in call if its == row] for call in calls]
        assert max(map(len, of_row)) <= ROUNDS
        assert [n for its in of_row for n in its] == list(range(each))
    assert max(map(len, calls)) <= room(ROWS)


def test_nothing_too_long_or_too_short_disturbs_the_others(rig) -> None:
    rig.open(0, 1, 2)
    peer = rig.peer()
    sent = {0: HEAD + b"x" * 5000, 1: b"", 2: HEAD + b"y" * 160}
    for row, octets in sent.items():
        peer.sendto(octets, rig.at[row].getsockname())
    came = {row: octets for call in rig.receive(3) for row, octets, _ in call}
    assert came == {row: octets[:DATAGRAM] for row, octets in sent.items()}


def test_what_the_kernel_does_not_take_is_told(rig) -> None:
    rig.open(0, 1, 2)
    peer = rig.peer()
    good = peer.getsockname()
    broadcast = ("255.255.255.255", 4000)  # which this socket has no right to
    assert rig.send((0, b"1", good), (1, b"2", broadcast), (2, b"3", good)) == [1]
    assert rig.send((0, b"4", good), (5, b"5", good)) == [5]  # a row without a socket
    assert [heard(peer)[0] for _ in range(3)] == [b"1", b"3", b"4"]


def test_an_error_of_an_earlier_packet_is_no_datagram(rig) -> None:
    """ICMP's answer to it: nobody is there."""
    rig.open(0, 1)
    rig.at[0].setsockopt(socket.IPPROTO_IP, RECVERR, 1)
    peer, gone = rig.peer(), bound()
    nobody = gone.getsockname()
    gone.close()
    assert not rig.send((0, b"hello", nobody))
    poll = select.poll()
    poll.register(rig.at[0], 0)
    assert poll.poll(1000 * DEADLINE_S)
    assert rig.sockets.receive() == []
    for row in (0, 1):
        peer.sendto(HEAD + b"on", rig.at[row].getsockname())
    assert sorted(row for row, _, _ in rig.came(2)) == [0, 1]


def test_nothing_to_send_is_sent(rig, stage) -> None:
    rig.open(0)
    assert not len(rig.sockets.send(stage.beat.run([], 1.0)))


def test_reports_come_on_their_own_socket_or_on_that_of_sound(rig) -> None:
    rig.open(0, ROWS, 3, ROWS + 3)
    peer = rig.peer()
    peer.sendto(REPORT, rig.at[ROWS + 3].getsockname())
    peer.sendto(REPORT, rig.at[0].getsockname())
    peer.sendto(HEAD, rig.at[0].getsockname())
    control, batches = [], []
    deadline = time.monotonic() + DEADLINE_S
    while len(control) < 2 or not batches:
        assert time.monotonic() < deadline
        select.select(list(rig.at.values()), [], [], DEADLINE_S)
        batches += rig.sockets.receive()
        control += rig.sockets.control
    assert sorted((its.row, its.shared, its.data, its.peer) for its in control) == [
        (0, True, REPORT, peer.getsockname()), (3, False, REPORT, peer.getsockname())
    ]  # fmt: skip
    assert [batch.rows.tolist() for batch in batches] == [[0]]


def test_a_row_that_goes_frees_its_port_and_leaves_nothing_to_the_next(rig) -> None:
    rig.open(0, 1)
    peer, there = rig.peer(), rig.at[0].getsockname()
    peer.sendto(HEAD + b"old", there)
    assert select.select([rig.at[0]], [], [], DEADLINE_S)[0]
    rig.sockets.receive()  # so that whatever there is to be armed is
    peer.sendto(HEAD + b"old", there)
    rig.sockets.drop(0)
    rig.at.pop(0).close()
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    again.bind(there)  # its port is free at once
    rig.at[4] = again
    rig.sockets.add(4, socket.dup(again.fileno()))
    assert not rig.sockets.has(0)
    assert rig.sockets.has(4)
    peer.sendto(HEAD + b"new", there)
    peer.sendto(HEAD + b"too", rig.at[1].getsockname())
    came = rig.came(2)
    assert sorted((row, octets[12:]) for row, octets, _ in came) == [(1, b"too"), (4, b"new")]
    assert rig.send((0, b"x", peer.getsockname())) == [0]
    assert not rig.send((4, b"y", peer.getsockname()))
    assert heard(peer) == (b"y", there)


def test_a_sealed_row_among_plain_ones(rig) -> None:
    name, ours, theirs = "AEAD_AES_128_GCM", bytes(range(28)), bytes(range(28, 56))
    suite = SUITES[NUMBERS[name]]
    rig.main["ssrc"][1] = 7
    Line(rig, 1, 20_000, "127.0.0.1").agree(
        host="127.0.0.1", port=4000, codec=0, payload_out=0, payload_in=0, digits_out=None,
        digits_in=None, speaks=True, hears=True, srtp=Srtp(name, ours, theirs),
    )  # fmt: skip
    rig.guard.settle(1)
    rig.open(0, 1, ROWS + 1)
    peer = rig.peer()
    theirs_out, theirs_in = Sending(suite, theirs, 5), Receiving(suite, ours)
    packet = b"\x80\0\0\1" + bytes(7) + b"\x05" + b"s" * 160
    sealed = bytes(theirs_out.seal(packet))
    for octets in (sealed, sealed[:-1] + bytes([sealed[-1] ^ 1])):  # the second is forged
        peer.sendto(octets, rig.at[1].getsockname())
    peer.sendto(packet, rig.at[0].getsockname())
    came = rig.came(2)
    assert sorted((row, octets) for row, octets, _ in came) == [(0, packet), (1, packet)]

    back = packet[:11] + b"\x07" + packet[12:]
    assert not rig.send((0, back, peer.getsockname()), (1, back, peer.getsockname()))
    plain, secret = sorted((heard(peer)[0] for _ in range(2)), key=len)
    assert plain == back
    assert bytes(theirs_in.open(secret)) == back
    assert rig.send((1, b"no RTP", peer.getsockname()), (0, back, peer.getsockname())) == [1]
    assert heard(peer)[0] == back


# What io_uring may do besides.


@pytest.fixture
def ring():
    try:
        rig = Rig(Ring)
    except OSError as error:
        pytest.skip(f"no io_uring here: {error}")
    yield rig
    rig.close()


@pytest.mark.parametrize("taken", [0, 2, None])
def test_what_the_kernel_had_no_memory_for_is_refused_and_the_next_goes_on(
    ring, monkeypatch, taken
) -> None:
    """It takes only some of a batch, or says that it can take none."""
    ring.open(0, 1, 2)
    peer, call = ring.peer(), uring._call

    def poor(number: int, *arguments: int) -> int:
        if taken is None:
            raise OSError(errno.EAGAIN, "no memory")
        return call(number, arguments[0], taken, taken, *arguments[3:])

    packets = [(row, bytes([row]) * 9, peer.getsockname()) for row in range(3)]
    with monkeypatch.context() as without:
        without.setattr(uring, "_call", poor)
        assert ring.send(*packets) == list(range(taken or 0, 3))
    for n in range(taken or 0):
        assert heard(peer)[0] == bytes([n]) * 9
    assert not ring.send(*packets)
    assert [heard(peer)[0][0] for _ in range(3)] == [0, 1, 2]


def test_a_batch_larger_than_the_ring_goes_in_parts(ring) -> None:
    ring.open(0)
    peer = ring.peer()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    most = 3 * room(ROWS)
    for count in (most, 5, most):  # the second time round the ring begins elsewhere
        assert not ring.send(*((0, n.to_bytes(2, "big"), peer.getsockname()) for n in range(count)))
        assert [int.from_bytes(heard(peer)[0], "big") for _ in range(count)] == list(range(count))


def test_where_it_is_not_allowed_sound_goes_packet_by_packet(monkeypatch) -> None:
    def forbidden(number: int, *arguments: int) -> int:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(uring, "_call", forbidden)
    way, why = process.way(4, "auto")
    assert isinstance(way, Loop)
    assert "not permitted" in why
    way.close()


def test_it_can_be_switched_off() -> None:
    way, why = process.way(4, "loop")
    assert isinstance(way, Loop)
    assert why == ""
    way.close()
