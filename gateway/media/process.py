"""The process that beats: ``python -m gateway.media.process``, started by ``plane``.

It waits for nothing but its clock. It is told about rows on the control socket, which it reads at
the beat, and goes when that closes. Until it is told to go it is a spare: everything is loaded,
and it takes over within a beat.
"""

import contextlib
import ctypes
import gc
import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.media.beat import Beat, Tuning
from gateway.media.channel import hear, tell_if_room
from gateway.media.clock import LATE_S, Clock
from gateway.media.guard import Guard
from gateway.media.isolation import Careful
from gateway.media.lines import BEAT_S, Lines, Writer
from gateway.media.loop import Loop
from gateway.media.pace import Pace
from gateway.media.ring import Ring
from gateway.media.sockets import Sockets

_PRIORITY = 10  # of SCHED_FIFO: above everything ordinary, below the kernel's own threads
_LOAD_WEIGHT = 0.02  # of one beat in the measured load: a time constant of 1 s
_LOCK = 1 | 2 | 4  # MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Orders:
    """What the child is started with, as JSON in its one argument."""

    control: int  # file descriptors
    lines: int
    wakes: list[int]
    capacity: int
    realtime: bool
    io: str
    tuning: dict[str, Any]


def main() -> None:
    orders = Orders(**json.loads(sys.argv[1]))
    # A terminal's or a service manager's signal is for main, which may want calls to finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    keep_memory()
    control = socket.socket(fileno=orders.control)
    lines = Lines(orders.lines, orders.capacity, Writer.MEDIA)
    beat = Beat(lines, Tuning(**orders.tuning), time.time() - time.monotonic())
    guard = Guard(lines)
    by, why = way(orders.capacity, orders.io)
    sockets = Sockets(orders.capacity, guard, by)
    rights = _claim_rights() if orders.realtime else {"realtime": False, "locked": False}
    tell_if_room(control, {"ready": True, "no_ring": why, **rights})
    try:
        beat.beater = _stand_by(control, sockets)
        gc.collect()
        gc.freeze()
        gc.disable()
        _run(orders, control, lines, beat, sockets, guard)
    except EOFError:
        pass  # main is gone, or wants us gone
    finally:
        sockets.close()
        control.close()


def keep_memory() -> None:
    """Let freed memory stay with the process: the arrays of a beat are as large as those of the
    beat before, and getting their pages from the kernel again costs a row 3 µs a beat."""
    with contextlib.suppress(AttributeError):  # a C library that is not glibc
        _libc.mallopt(_TRIM_THRESHOLD, 1 << 30)
        _libc.mallopt(_MMAP_THRESHOLD, 1 << 25)


def _claim_rights() -> dict[str, bool]:
    """Real-time priority and memory that is not swapped, as far as they are allowed."""
    rights = {"realtime": False, "locked": _libc.mlockall(_LOCK) == 0}
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        rights["realtime"] = True
    return rights


def way(capacity: int, io: str) -> tuple[Loop | Ring, str]:
    """How sound comes in and goes out; and why it is not by io_uring, if it was to be."""
    if io == "loop":
        return Loop(capacity), ""
    try:
        return Ring(capacity), ""
    except OSError as error:
        return Loop(capacity), str(error)


def _stand_by(control: socket.socket, sockets: Sockets) -> int:
    """A spare: take descriptors, until told to go; for which rows."""
    while message := hear(control, wait=True):
        _take(message, sockets)
        if "go" in message[0]:
            return int(message[0]["go"])
    raise EOFError


def _take(message: tuple[dict[str, Any], list[int]], sockets: Sockets) -> None:
    body, fds = message
    for slot, fd in zip(body.get("slots", ()), fds, strict=True):
        sockets.add(slot, fd)


def _run(
    orders: Orders,
    control: socket.socket,
    lines: Lines,
    beat: Beat,
    sockets: Sockets,
    guard: Guard,
) -> None:
    careful = Careful(beat, lines)
    me = beat.beater
    clock, pace = Clock(float(lines["beats_at"][me])), Pace()
    news: dict[str, Any] = {"beating": True, "io": sockets.way.name}
    while True:
        tick = clock.wait()
        while message := hear(control):
            _take(message, sockets)
        if let_go := _settle(lines, beat, careful, sockets, guard, tick.now):
            news["let_go"] = let_go

        ready = careful.run(sockets.receive(), tick.now, tick.missed)
        for agent in np.unique(lines["agent"][beat.rows]).tolist():
            if agent < len(orders.wakes):
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_write(orders.wakes[agent], 1)
        waited_s = pace.wait_s(time.monotonic() - tick.now + tick.late_s) if len(beat.rows) else 0.0
        time.sleep(waited_s)
        for outgoing in ready:
            beat.unsent(sockets.send(outgoing))
        sockets.send_control(beat.reports.run(beat.rows, sockets.control, tick.now))

        lines["beats"][me] += 1 + tick.missed
        lines["beats_late"][me] += tick.late_s > LATE_S
        lines["beats_missed"][me] += tick.missed
        lines["beats_at"][me] = tick.now
        busy_s = time.monotonic() - tick.now - waited_s
        lines["busy_s"][me] += busy_s
        lines["load"][me] += (busy_s / BEAT_S - lines["load"][me]) * _LOAD_WEIGHT
        if faults := [*careful.faults, *beat.reports.faults]:
            news["faults"] = faults
        if news:
            tell_if_room(control, news)
            news = {}


def _settle(
    lines: Lines, beat: Beat, careful: Careful, sockets: Sockets, guard: Guard, now: float
) -> list[int]:
    """Act upon what main has changed; returns the rows that it has back."""
    let_go = []
    for row in beat.changed():
        if not lines["live"][row]:
            if farewell := beat.reports.farewell(row, now):
                sockets.send_control([farewell])
            sockets.drop(row)
            guard.forget(row)
            beat.let_go(row)
            let_go.append(row)
        elif sockets.has(row):  # or else its descriptor is still on the way
            try:
                guard.settle(row)  # before ``applied`` tells main that it is done
                beat.settle(row)
            except Exception as error:
                careful.blame(row, error)
    return let_go


if __name__ == "__main__":
    main()
