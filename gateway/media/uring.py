"""Linux' io_uring, as far as sound needs it: many system calls in one, none of which waits.

See io_uring_setup(2) and io_uring_enter(2); layouts: linux/io_uring.h.
"""

import ctypes
import errno
import mmap
import os

import numpy as np
import numpy.typing as npt

RECVMSG, SEND = 10, 26  # values of ``opcode``
_SETUP, _ENTER = 425, 426  # system calls: the same numbers on every machine
_SINGLE_ISSUER, _DEFER_TASKRUN = 1 << 12, 1 << 13  # both of Linux 6.1
_GETEVENTS = 1
_AT_RINGS, _AT_ENTRIES = 0, 0x1000_0000  # where they are mapped
_MOST = 32768  # entries
_WRAP = 2**32

ENTRY = np.dtype({  # struct io_uring_sqe
    "names": ["opcode", "fd", "to", "at", "length", "flags", "place", "to_length"],
    "formats": ["u1", "i4", "u8", "u8", "u4", "u4", "u8", "u2"],
    "offsets": [0, 4, 8, 16, 24, 28, 32, 44],
    "itemsize": 64,
})  # fmt: skip
_DONE = np.dtype([("place", "u8"), ("result", "i4"), ("flags", "u4")])  # struct io_uring_cqe
_PARAMETERS = np.dtype(
    [("entries", "u4"), ("dones", "u4"), ("flags", "u4"), ("others", "u4", 7)]
    + [(f"sq_{name}", "u4") for name in ("head", "tail", "mask", "size", "flags", "dropped",
                                         "array", "rest", "rest2", "rest3")]
    + [(f"cq_{name}", "u4") for name in ("head", "tail", "mask", "size", "overflow", "dones",
                                         "flags", "rest", "rest2", "rest3")]
)  # fmt: skip
_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *(ctypes.c_long(its) for its in arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Uring:
    """``entries`` (ENTRY) are the caller's to fill in; ``run`` has a range of them done. ``flags``
    must have MSG_DONTWAIT, and only the thread that made it may use it. OSError: this kernel has
    none, or does not allow it."""

    def __init__(self, most: int) -> None:
        asked = np.zeros(1, _PARAMETERS)
        asked["flags"] = _SINGLE_ISSUER | _DEFER_TASKRUN
        size = min(1 << (most - 1).bit_length(), _MOST)
        self._fd = _call(_SETUP, size, asked.ctypes.data)
        got = {name: int(asked[name][0]) for name in _PARAMETERS.names or () if name != "others"}
        self.size = got["entries"]
        rings = mmap.mmap(self._fd, max(got["sq_array"] + 4 * self.size,
                                        got["cq_dones"] + _DONE.itemsize * got["dones"]),
                          offset=_AT_RINGS)  # fmt: skip
        entries = mmap.mmap(self._fd, ENTRY.itemsize * self.size, offset=_AT_ENTRIES)
        self.entries = np.frombuffer(entries, ENTRY)
        self._places = np.arange(self.size, dtype=np.uint32)
        self.entries["place"] = self._places

        def numbers(name: str, count: int = 1) -> npt.NDArray[np.uint32]:
            return np.frombuffer(rings, np.uint32, count, got[name])

        self._tail, self._array = numbers("sq_tail"), numbers("sq_array", self.size)
        self._done_head, self._done_tail = numbers("cq_head"), numbers("cq_tail")
        self._done = np.frombuffer(rings, _DONE, got["dones"], got["cq_dones"])

    def run(self, first: int, last: int) -> npt.NDArray[np.int32]:
        """Do the entries from ``first`` to before ``last``: the result of each, or -errno."""
        count = last - first
        tail = int(self._tail[0])
        self._array[(tail + self._places[:count]) % self.size] = self._places[first:last]
        self._tail[0] = (tail + count) % _WRAP
        try:
            taken = _call(_ENTER, self._fd, count, count, _GETEVENTS, 0, 0)
        except OSError:  # the kernel has no memory for any
            taken = 0
        if taken < count:
            self._tail[0] = (tail + taken) % _WRAP
        results = np.full(count, -errno.EAGAIN, np.int32)
        head, done = int(self._done_head[0]), int(self._done_tail[0])
        its = self._done[(head + self._places[: (done - head) % _WRAP]) % len(self._done)]
        results[its["place"] - first] = its["result"]
        self._done_head[0] = done
        return results

    def close(self) -> None:
        os.close(self._fd)
