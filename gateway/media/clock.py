"""The beat's clock: a timer of the kernel on CLOCK_MONOTONIC, whose beats lie on a fixed grid."""

import ctypes
import os
import struct
import time
from dataclasses import dataclass

from gateway.media.lines import BEAT_S

LATE_S = 0.005  # a beat that begins later than this is counted as late
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Tick:
    now: float  # monotonic seconds
    late_s: float  # since the beat was due
    missed: int  # beats before this one that did not take place


class Clock:
    """``after`` is when the last beat of another process was, or 0: this one's first tick tells
    how many were missed in between."""

    def __init__(self, after: float = 0.0) -> None:
        # os.timerfd_create exists from Python 3.13 on.
        self._fd = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        first = time.monotonic() + 0.001
        self._due = first - BEAT_S
        self._missed = max(round((first - after) / BEAT_S) - 1, 0) if after else 0
        period = int(BEAT_S * 1e9)
        seconds, fraction = divmod(int(first * 1e9), 1_000_000_000)
        when = struct.pack("@4l", 0, period, seconds, fraction)
        if _libc.timerfd_settime(self._fd, _ABSOLUTE, when, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def wait(self) -> Tick:
        """Sleep until the next beat is due."""
        expired = int.from_bytes(os.read(self._fd, 8), "little")
        now = time.monotonic()
        self._due += expired * BEAT_S
        missed, self._missed = self._missed + expired - 1, 0
        return Tick(now, now - self._due, missed)

    def close(self) -> None:
        os.close(self._fd)
