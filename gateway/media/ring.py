"""Sound in and out by io_uring: the packets of all rows in one call of the kernel.

No operation waits, so each is finished when the call returns: between the calls the kernel owns
no buffer and keeps no socket, and a row that goes leaves nothing to be cancelled. ``poll`` tells
who has something, for a tenth of what a receive costs.
"""

import ctypes
import select
import socket

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import BYTES, WORDS
from gateway.media.beat import Received
from gateway.media.loop import DATAGRAM, ROUNDS, room
from gateway.media.packing import Outgoing
from gateway.media.uring import RECVMSG, SEND, Uring

_STRIDE = DATAGRAM + 64  # bytes; the heads of datagrams must not all lie in the same cache sets
_POLL = np.dtype([("fd", "i4"), ("wanted", "i2"), ("found", "i2")])  # struct pollfd
_VECTOR = np.dtype([("at", "u8"), ("length", "u8")])  # struct iovec
_MESSAGE = np.dtype({  # struct msghdr
    "names": ["name", "name_length", "vectors", "count"],
    "formats": ["u8", "u4", "u8", "u8"],
    "offsets": [0, 8, 16, 24],
    "itemsize": 56,
})  # fmt: skip
_libc = ctypes.CDLL(None)

Rows = npt.NDArray[np.int64]


class Ring:
    """The same as Loop. OSError: this kernel has no io_uring (it wants Linux 6.1), or does not
    allow it."""

    name = "io_uring"

    def __init__(self, capacity: int) -> None:
        most = room(capacity)
        self._fds = np.full(capacity, -1, np.int32)
        self._asked = np.empty(0, _POLL)  # a row's, of those that are here
        self._rows: Rows = np.empty(0, np.int64)
        self._in, self._out = Uring(most), Uring(most)
        self._datagrams = np.zeros((most, _STRIDE), np.uint8)
        self._data = self._datagrams[:, :DATAGRAM]
        self._sources = np.zeros((most, WORDS), np.uint64)

        vectors = self._vectors = np.zeros(most, _VECTOR)
        vectors["at"] = _addresses(self._datagrams)
        vectors["length"] = DATAGRAM
        messages = self._messages = np.zeros(most, _MESSAGE)
        messages["name"], messages["vectors"] = _addresses(self._sources), _addresses(vectors)
        messages["count"] = 1
        entries = self._in.entries[:most]
        entries["opcode"], entries["flags"] = RECVMSG, socket.MSG_DONTWAIT
        entries["at"], entries["length"] = _addresses(messages), 1
        entries = self._out.entries
        entries["opcode"], entries["flags"] = SEND, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        entries["to_length"] = BYTES  # of an IPv4 address the kernel takes the beginning

    def add(self, row: int, sock: socket.socket) -> None:
        self._fds[row] = sock.fileno()
        self._ask()

    def drop(self, row: int) -> None:
        self._fds[row] = -1
        self._ask()

    def _ask(self) -> None:
        self._rows = np.flatnonzero(self._fds >= 0)
        self._asked = np.zeros(len(self._rows), _POLL)
        self._asked["fd"], self._asked["wanted"] = self._fds[self._rows], select.POLLIN

    def receive(self) -> list[Received]:
        """All that is waiting, in batches with at most one datagram a row."""
        batches = []
        rows, asked = self._rows, self._asked
        first = 0
        for _ in range(ROUNDS):
            at, count = ctypes.c_void_p(asked.ctypes.data), ctypes.c_ulong(len(asked))
            if _libc.poll(at, count, 0) <= 0 or first == len(self._data):
                break
            ready = np.flatnonzero(asked["found"])[: len(self._data) - first]
            rows, asked = rows[ready], asked[ready]
            batch = self._take(rows, asked["fd"], first)
            first += len(rows)
            batches.append(batch)
        return batches

    def _take(self, rows: Rows, fds: npt.NDArray[np.int32], first: int) -> Received:
        last = first + len(rows)
        self._sources[first:last] = 0  # an IPv4 address is the shorter one
        self._messages["name_length"][first:last] = BYTES
        self._in.entries["fd"][first:last] = fds
        lengths = self._in.run(first, last).astype(np.int64)
        batch = Received(rows, self._data[first:last], lengths, self._sources[first:last])
        # An ICMP error of an earlier packet, or a bad checksum.
        return batch.only(lengths >= 0) if (lengths < 0).any() else batch

    def send(self, outgoing: Outgoing) -> Rows:
        """Returns the rows whose packet the kernel did not take."""
        packets = np.ascontiguousarray(outgoing.packets)
        targets = np.ascontiguousarray(outgoing.targets)
        at, to, fds = _addresses(packets), _addresses(targets), self._fds[outgoing.rows]
        taken = np.empty(len(packets), bool)
        for first in range(0, len(packets), self._out.size):
            its = slice(first, first + self._out.size)
            lengths = outgoing.lengths[its]
            entries = self._out.entries[: len(lengths)]
            entries["fd"], entries["at"], entries["to"] = fds[its], at[its], to[its]
            entries["length"] = lengths
            taken[its] = self._out.run(0, len(lengths)) >= 0
        return outgoing.rows[~taken]

    def close(self) -> None:
        self._in.close()
        self._out.close()


def _addresses(table: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """Where each row of it lies in memory."""
    return table.ctypes.data + table.strides[0] * np.arange(len(table), dtype=np.uint64)
