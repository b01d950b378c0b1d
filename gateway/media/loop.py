"""Sound in and out by one call of the kernel a packet, as every kernel allows it."""

import select
import socket
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import WORDS, Source, pack, same, unpack
from gateway.media.beat import Received
from gateway.media.packing import Outgoing

DATAGRAM = 2048  # bytes; RTP that is larger than 60 ms of L16 is not telephone sound
ROUNDS = 8  # datagrams of one row read in one beat: a flood on one line delays no other

Rows = npt.NDArray[np.int64]


def room(capacity: int) -> int:
    """Datagrams read in one beat, at the most."""
    return 2 * capacity + 64


class Loop:
    """``add`` and ``drop`` a row's socket, which stays the caller's; a dropped one is closed only
    after that."""

    name = "loop"

    def __init__(self, capacity: int) -> None:
        self._epoll = select.epoll()
        self._sockets: list[socket.socket | None] = [None] * capacity
        self._row: dict[int, int] = {}  # by descriptor
        self._receive: dict[int, Callable[[memoryview], tuple[int, Source]]] = {}
        self._from: list[Source] = [()] * capacity  # where each row's last datagram came from
        self._to: list[Source] = [()] * capacity  # where its last packet went
        self._sources = np.zeros((capacity, WORDS), np.uint64)  # the same two, as addresses
        self._targets = np.zeros((capacity, WORDS), np.uint64)
        self._data = np.zeros((room(capacity), DATAGRAM), np.uint8)
        self._octets = [its.data for its in self._data]

    def add(self, row: int, sock: socket.socket) -> None:
        self._sockets[row] = sock
        self._row[sock.fileno()] = row
        self._receive[sock.fileno()] = sock.recvfrom_into  # to look it up costs as much as a loop
        self._epoll.register(sock, select.EPOLLIN)

    def drop(self, row: int) -> None:
        if sock := self._sockets[row]:
            self._epoll.unregister(sock)
            del self._row[sock.fileno()], self._receive[sock.fileno()]
            self._sockets[row] = None

    def receive(self) -> list[Received]:
        """All that is waiting, in batches with at most one datagram a row."""
        batches = []
        used = 0
        by_fd, receive, last = self._row, self._receive, self._from
        for _ in range(ROUNDS):
            ready = self._epoll.poll(0, len(self._sockets))
            if not ready or used == len(self._octets):
                break
            first = used
            rows: list[int] = []
            lengths: list[int] = []
            for (fd, _events), octets in zip(ready, self._octets[first:], strict=False):
                row = by_fd[fd]
                try:
                    length, source = receive[fd](octets)
                except OSError:  # an ICMP error of an earlier packet, or a bad checksum
                    length = -1
                else:
                    if source != last[row]:
                        last[row], self._sources[row] = source, pack(source)
                rows.append(row)
                lengths.append(length)
            used += len(rows)
            its = np.array(rows)
            batch = Received(its, self._data[first:used], np.array(lengths), self._sources[its])
            if (batch.lengths < 0).any():
                batch = batch.only(batch.lengths >= 0)
            batches.append(batch)
        return batches

    def send(self, outgoing: Outgoing) -> Rows:
        """Returns the rows whose packet the kernel did not take."""
        rows, targets, to = outgoing.rows, outgoing.targets, self._to
        for i in np.flatnonzero(~same(self._targets[rows], targets)).tolist():
            self._targets[rows[i]] = targets[i]
            to[rows[i]] = unpack(targets[i])
        refused = []
        octets = np.ascontiguousarray(outgoing.packets).reshape(-1).data
        size = outgoing.packets.shape[1]
        at = 0
        for row, length in zip(rows.tolist(), outgoing.lengths.tolist(), strict=True):
            sock = self._sockets[row]
            try:
                if sock is None:
                    refused.append(row)
                else:
                    sock.sendto(octets[at : at + length], to[row])
            except OSError:
                refused.append(row)
            at += size
        return np.array(refused, np.int64)

    def close(self) -> None:
        self._epoll.close()
