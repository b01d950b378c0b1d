"""Main's side of sound: takes rows and ports, and keeps the sockets. Its processes: ``beaters``."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gateway.errors import GatewayError, NoRoom
from gateway.media.beaters import Beaters, Pair
from gateway.media.line import Line
from gateway.media.lines import NO_AGENT, Lines
from gateway.media.recordings import Recordings
from gateway.media.settings import MediaSettings, RtpSettings
from gateway.media.sockets import PortTaken, bind_pair
from gateway.media.sounds import Sounds

log = logging.getLogger(__name__)

_PORT_TRIES = 32
# What a beat does once, whoever is live, costs as much as so many lines of G.711: 0.3 ms on a quiet
# machine where a line takes 6 µs, 1.8 ms and 13 µs on a busy one.
_FIXED = 50


class Plane:
    """``wakes`` are eventfds, one for each agent process, raised after every beat in which one
    of its lines is live."""

    def __init__(self, media: MediaSettings, rtp: RtpSettings, wakes: Sequence[int]) -> None:
        self._media, self._rtp = media, rtp
        self.capacity = media.capacity
        self.lines = Lines.make(media.capacity)
        self.sounds = Sounds(self.lines, media.tones)
        self._free = deque(range(media.capacity))
        ports = list(rtp.port_pairs)
        if len(ports) < media.capacity:
            log.warning(
                "[rtp] ports %s are enough for %d lines, and [media] capacity is %d: calls beyond "
                "%d are refused; give %d ports or more, or lower the capacity",
                rtp.ports, len(ports), media.capacity, len(ports), 2 * media.capacity,
            )  # fmt: skip
        random.shuffle(ports)  # the next call's port cannot be guessed
        self._ports = deque(ports)
        self._taken: dict[int, Line] = {}
        self._sockets: dict[int, Pair] = {}  # by row
        self._let_go: dict[int, asyncio.Event] = {}  # rows that media is asked to let go of
        self._ending: dict[Line, asyncio.Task[None]] = {}
        self._recordings = Recordings(self.lines)
        self._beaters = Beaters(self.lines, media, rtp, wakes, self._sockets, self._see_let_go)

    @property
    def free(self) -> int:
        """Lines that can still be taken."""
        return min(len(self._free), len(self._ports))

    @property
    def pids(self) -> dict[str, int | None]:
        """Who does what, for the operator."""
        return {**self._beaters.pids, "recorder": self._recordings.pid}

    @property
    def processes(self) -> int:
        """That beat; ``beats`` and its like have a figure of each."""
        return self._media.processes

    @property
    def restarts(self) -> int:
        """Of all processes that beat."""
        return sum(self._beaters.restarts)

    @property
    def spare_ready(self) -> bool:
        """Whether media's death would be bridged within a beat or two."""
        return self._beaters.spare_ready

    async def start(self) -> None:
        """Returns when sound is beating. GatewayError: it does not."""
        try:
            await self._beaters.start()
        except GatewayError:
            await self.close()
            raise
        self._recordings.start()

    async def close(self) -> None:
        """End the processes and close every socket; lines still taken fall silent."""
        tasks = [*self._ending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(self._recordings.close(), self._beaters.close())
        for pair in self._sockets.values():
            for sock in pair:
                sock.close()
        self._sockets.clear()
        self.lines.close()

    # Lines.

    def take(self, agent: int | None, local_host: str, near: Line | None = None) -> Line:
        """A free row with a pair of ports on ``local_host``, for the agent process of that
        index; None: no agent is on it. ``near`` is a line that it will be bridged to: where there
        is room, both are of one process, and hear one another a beat sooner. NoRoom: all rows are
        taken, or no port is to be had."""
        if not self._free:
            raise NoRoom(f"all {self.capacity} lines are taken ([media] capacity)")
        beater = self._admit(None if near is None else int(self.lines["beater"][near.row]))
        port, pair = self._bind(local_host)
        row = self._free.popleft()
        # 15 bits: a wrap among the first packets would puzzle an SRTP peer that lost them.
        self.lines.seed(row, random.getrandbits(15), random.getrandbits(32))
        self.lines["ssrc"][row] = random.getrandbits(32)
        self.lines["agent"][row] = NO_AGENT if agent is None else agent
        self.lines["beater"][row] = beater
        self._sockets[row] = pair
        line = self._taken[row] = Line(self, row, port, local_host, self._rtp.srtp)
        self._beaters.hand_over(row)
        return line

    def _admit(self, wanted: int | None) -> int:
        """The process that is to have another line: the ``wanted`` one, or else that with the
        fewest. One is refused before the others suffer from it: what a line costs is measured, and
        those that are taken but not live yet (they ring) will cost as much."""
        lines, load = self.lines, self.lines["load"]
        count = range(self.processes)
        live = np.bincount(lines["beater"][lines["live"] == 1], minlength=len(count))
        taken = np.bincount(lines["beater"][list(self._taken)], minlength=len(count))
        costs = [load[index] / (_FIXED + live[index]) if live[index] else 0.0 for index in count]
        for index in sorted(count, key=lambda index: (index != wanted, taken[index])):
            cost = float(costs[index] or max(costs))
            if cost * (_FIXED + taken[index] + 1) <= self._media.budget:
                return index
        raise NoRoom(
            f"sound would take more than {self._media.budget:.0%} of each beat with another "
            f"line beside {taken.min()} ([media] budget)"
        )

    def _bind(self, host: str) -> tuple[int, Pair]:
        for _ in range(min(_PORT_TRIES, len(self._ports))):
            port = self._ports.popleft()
            try:
                return port, bind_pair(host, port, self._rtp.dscp)
            except PortTaken as error:
                log.warning("another program has an RTP port", extra={"why": str(error)})
                self._ports.append(port)
            except OSError:
                self._ports.append(port)
                raise
        raise NoRoom(f"no free pair of UDP ports in {self._rtp.ports} ([rtp] ports)")

    def record(self, line: Line, path: Path) -> None:
        """See ``Line.record``."""
        self._recordings.begin(line, path)

    def pause_recording(self, line: Line, paused: bool) -> bool:
        """See ``Line.pause_recording``."""
        return self._recordings.pause(line, paused)

    async def take_back(self, line: Line) -> None:
        """See ``Line.give_back``. It is carried through even if the caller is cancelled."""
        if self._taken.get(line.row) is not line:
            return
        if line not in self._ending:
            self._ending[line] = asyncio.create_task(self._take_back(line))
        await asyncio.shield(self._ending[line])

    async def _take_back(self, line: Line) -> None:
        lines, row = self.lines, line.row
        line.part()
        let_go = self._let_go[row] = asyncio.Event()
        lines["live"][row] = 0
        lines["settings"][row] += 1
        # A process that dies meanwhile has let go as well; its successor says so.
        await let_go.wait()
        del self._let_go[row]
        await self._recordings.finish(line)
        for sock in self._sockets.pop(row):
            sock.close()
        lines.clear(row)
        del self._taken[row], self._ending[line]
        self._free.append(row)
        loop = asyncio.get_running_loop()
        loop.call_later(self._rtp.drain_s, self._ports.append, line.port)

    def _see_let_go(self) -> None:
        """The word is in ``applied``; media's messages only say that it is worth a look."""
        for row, event in self._let_go.items():
            if self.lines["applied"][row] == self.lines["settings"][row]:
                event.set()
