"""Main's side of sound: takes rows and ports, keeps the sockets, and watches over the processes.

Of the process that beats there are two: one at work and a spare, loaded and waiting. When the
first dies, the spare is given every socket and goes on within a beat or two, because sequence
numbers, timestamps and cursors are in ``lines``.
"""

import asyncio
import logging
import random
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gateway.errors import GatewayError, NoRoom
from gateway.media.beat import Tuning
from gateway.media.child import Child, Message
from gateway.media.line import Line
from gateway.media.lines import BEAT_S, NO_AGENT, Lines
from gateway.media.recordings import Recordings
from gateway.media.settings import MediaSettings, RtpSettings
from gateway.media.sockets import PortTaken, bind_pair
from gateway.media.sounds import Sounds

log = logging.getLogger(__name__)

_BATCH = 32  # pairs of sockets handed over in one message
_PORT_TRIES = 32
_STUCK_S = 1.0  # without a beat, media is killed
_WATCH_S = 0.25
_YOUNG_S = 1.0  # a process that dies younger has not recovered from what killed the one before
_BREATH_S = 0.5
_FIRST_BEAT_S = 20.0

Pair = tuple[socket.socket, socket.socket]


class Plane:
    """``wakes`` are eventfds, one for each agent process, raised after every beat in which one
    of its lines is live."""

    def __init__(self, media: MediaSettings, rtp: RtpSettings, wakes: Sequence[int]) -> None:
        self._media, self._rtp, self._wakes = media, rtp, list(wakes)
        self.capacity = media.capacity
        self.lines = Lines.make(media.capacity)
        self.sounds = Sounds(self.lines, media.tones)
        self._free = deque(range(media.capacity))
        ports = list(rtp.port_pairs)
        random.shuffle(ports)  # the next call's port cannot be guessed
        self._ports = deque(ports)
        self._taken: dict[int, Line] = {}
        self._sockets: dict[int, Pair] = {}  # by row
        self._let_go: dict[int, asyncio.Event] = {}  # rows that media is asked to let go of
        self._ending: dict[Line, asyncio.Task[None]] = {}
        self._worker: Child | None = None
        self._spare: Child | None = None
        self._beating = asyncio.Event()
        self._put_to_work_at = 0.0
        self._recordings = Recordings(self.lines)
        self._watch: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self.restarts = 0  # of the process that beats

    @property
    def free(self) -> int:
        """Lines that can still be taken."""
        return min(len(self._free), len(self._ports))

    @property
    def pids(self) -> dict[str, int | None]:
        """Who does what, for the operator."""
        return {
            "media": self._worker.pid if self._worker else None,
            "spare": self._spare.pid if self._spare else None,
            "recorder": self._recordings.pid,
        }

    @property
    def spare_ready(self) -> bool:
        """Whether media's death would be bridged within a beat or two."""
        return self._spare is not None and self._spare.ready

    async def start(self) -> None:
        """Returns when sound is beating. GatewayError: it does not."""
        self._put_to_work(self._load())
        try:
            await asyncio.wait_for(self._beating.wait(), _FIRST_BEAT_S)
        except TimeoutError:
            await self.close()
            raise GatewayError("the media process does not beat; its output says why") from None
        self._spare = self._load()
        self._recordings.start()
        self._watch = asyncio.create_task(self._watch_over())

    async def close(self) -> None:
        """End the processes and close every socket; lines still taken fall silent."""
        if self._retry:
            self._retry.cancel()
        tasks = [*self._ending.values(), *([self._watch] if self._watch else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        children = [child for child in (self._worker, self._spare) if child]
        await asyncio.gather(self._recordings.close(), *(child.stop() for child in children))
        for pair in self._sockets.values():
            for sock in pair:
                sock.close()
        self._sockets.clear()
        self.lines.close()

    # Lines.

    def take(self, agent: int | None, local_host: str) -> Line:
        """A free row with a pair of ports on ``local_host``, for the agent process of that
        index; None: no agent is on it. NoRoom: all rows are taken, or no port is to be had."""
        if not self._free:
            raise NoRoom(f"all {self.capacity} lines are taken ([media] capacity)")
        self._admit()
        port, pair = self._bind(local_host)
        row = self._free.popleft()
        self.lines.seed(row, random.getrandbits(16), random.getrandbits(32))
        self.lines["ssrc"][row] = random.getrandbits(32)
        self.lines["agent"][row] = NO_AGENT if agent is None else agent
        self._sockets[row] = pair
        line = self._taken[row] = Line(self, row, port, local_host, self._rtp.srtp)
        if self._worker:
            self._hand_over(self._worker, [row])
        return line

    def _admit(self) -> None:
        """Refuse a line before the others suffer from it: what one costs is measured, and those
        that are taken but not live yet will cost as much."""
        live = int(np.count_nonzero(self.lines["live"]))
        cost = float(self.lines["load"][0]) / live if live else 0.0
        if cost * (len(self._taken) + 1) > self._media.budget:
            raise NoRoom(
                f"sound would take more than {self._media.budget:.0%} of each beat with another "
                f"line beside {len(self._taken)} ([media] budget)"
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

    # Processes.

    def _load(self) -> Child:
        """A media process that has loaded everything and waits to be put to work."""
        beat_ms = 1000 * BEAT_S
        tuning = Tuning(
            jitter=round(self._rtp.jitter_ms / beat_ms),
            jitter_most=round(self._rtp.jitter_most_ms / beat_ms),
            relearn_s=self._rtp.relearn_s,
            vad_mode=self._media.vad_mode,
            speech_level_db=self._media.speech_level_db,
        )
        orders = {
            "lines": self.lines.fd,
            "wakes": self._wakes,
            "capacity": self.capacity,
            "realtime": self._media.realtime,
            "tuning": asdict(tuning),
        }
        return Child(
            "gateway.media.process",
            orders,
            [self.lines.fd, *self._wakes],
            self._on_message,
            self._on_death,
        )

    def _put_to_work(self, child: Child) -> None:
        self._worker = child
        self._put_to_work_at = asyncio.get_running_loop().time()
        rows = sorted(self._sockets)
        for first in range(0, len(rows), _BATCH):
            self._hand_over(child, rows[first : first + _BATCH])
        child.send({"go": True})

    def _hand_over(self, child: Child, rows: list[int]) -> None:
        """RTP sockets go into the slots of their rows, those of RTCP behind them all."""
        slots = [*rows, *(row + self.capacity for row in rows)]
        child.send({"slots": slots}, [self._sockets[s % self.capacity][s >= self.capacity]
                                      for s in slots])  # fmt: skip

    def _on_message(self, child: Child, message: Message) -> None:
        if "beating" in message:
            self._beating.set()
            log.info("sound is beating", extra={"pid": child.pid})
        elif "ready" in message:
            log.debug("a media process is ready", extra={"pid": child.pid, **message})
            if self._media.realtime and not message["realtime"]:
                log.warning("no right to real-time priority: sound may suffer under load")
        for row, why in message.get("faults", ()):
            muted = bool(self.lines["muted"][row])
            log.error("a line made the beat fail", extra={"row": row, "muted": muted, "why": why})
        self._see_let_go()

    def _on_death(self, child: Child, status: int) -> None:
        log.error("a media process died", extra={"pid": child.pid, "status": status})
        if child is self._spare:
            self._spare = None
            self._later()
        elif child is self._worker:
            self.restarts += 1
            self._worker = None
            lived = asyncio.get_running_loop().time() - self._put_to_work_at
            if self._spare and lived > _YOUNG_S:
                self._replace()
            else:
                self._later()

    def _later(self) -> None:
        if self._retry is None:
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(_BREATH_S, self._replace)

    def _replace(self) -> None:
        """Fill whichever place is empty."""
        if self._retry:
            self._retry.cancel()
            self._retry = None
        if self._worker is None:
            self._put_to_work(self._spare or self._load())
            self._spare = None
        if self._spare is None:
            self._spare = self._load()

    async def _watch_over(self) -> None:
        """Media that runs but does not beat is as good as dead."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_S)
            self._see_let_go()
            beat_at = max(float(self.lines["beats_at"][0]), self._put_to_work_at)
            if self._worker and loop.time() - beat_at > _STUCK_S:
                log.error("media does not beat and is killed", extra={"pid": self._worker.pid})
                self._worker.kill()
