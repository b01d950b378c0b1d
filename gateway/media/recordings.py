"""Main's side of recording: what is being recorded, and the process that does it.

The process is replaced when it dies; the new one goes on with every file.
"""

import asyncio
import logging
from collections import Counter
from pathlib import Path

from gateway.media.child import Child, Message
from gateway.media.line import Line
from gateway.media.lines import Lines
from gateway.media.recorder import OPEN, silent

log = logging.getLogger(__name__)

_PATIENCE_S = 2.0  # how long the end of a call waits for its recording's last words
_BREATH_S = 0.5  # before a recorder that died is replaced: the rings remember 2 s


class Recordings:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._child: Child | None = None
        self._restart: asyncio.TimerHandle | None = None
        self._number = 0
        self._by_line: dict[Line, int] = {}
        self._lines_by: dict[int, Line] = {}
        self._orders: dict[int, Message] = {}
        self._missed: Counter[int] = Counter()  # beats that are silent, for no good reason
        self._finished: dict[int, asyncio.Event] = {}

    def start(self) -> None:
        self._child = Child(
            "gateway.media.recorder",
            {"lines": self._lines.fd, "capacity": self._lines.capacity},
            [self._lines.fd],
            self._on_message,
            self._on_death,
        )
        for number, order in self._orders.items():
            self._child.send({"record": {**order, "fresh": False}})
            if number in self._finished:
                self._child.send({"finish": number})

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def close(self) -> None:
        if self._restart:
            self._restart.cancel()
        if self._child:
            await self._child.stop()

    def begin(self, line: Line, path: Path) -> None:
        if line in self._by_line:
            raise ValueError(f"row {line.row} is being recorded already")
        line.followers(1)
        self._number += 1
        self._by_line[line] = self._number
        self._lines_by[self._number] = line
        order = {
            "number": self._number,
            "row": line.row,
            "first": int(self._lines["beat"][line.row]),
            "path": str(path),
            "gaps": [],
        }
        self._orders[self._number] = order
        if self._child:
            self._child.send({"record": {**order, "fresh": True}})

    def pause(self, line: Line, paused: bool) -> bool:
        """Have the recording be silent from now on, or no more; returns whether that is news."""
        number = self._by_line.get(line)
        if number is None:
            return False
        gaps = self._orders[number]["gaps"]
        if paused == bool(gaps and gaps[-1][1] == OPEN):
            return False
        beat = int(self._lines["beat"][line.row])
        if paused:
            gaps.append([beat, OPEN])
        else:
            gaps[-1][1] = beat
        if self._child:
            self._child.send({"pause": number, "gaps": [list(gap) for gap in gaps]})
        return True

    async def finish(self, line: Line) -> None:
        """Returns when the file is complete, or the recorder takes too long over it."""
        number = self._by_line.pop(line, None)
        if number is None:
            return
        finished = self._finished[number] = asyncio.Event()
        if self._child:
            self._child.send({"finish": number})
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await finished.wait()
        except TimeoutError:
            self._lose(number, "the recorder did not finish it in time")
        finally:
            del self._finished[number], self._orders[number], self._lines_by[number]
            self._missed.pop(number, None)

    def _lose(self, number: int, why: str) -> None:
        if (line := self._lines_by.get(number)) and line.recording_lost != why:
            line.recording_lost = why
            log.error(
                "a recording is incomplete",
                extra={"row": line.row, "why": why, "file": self._orders[number]["path"]},
            )

    def _on_message(self, _child: Child, message: Message) -> None:
        if missed := message.get("missed"):
            self._missed[missed] += message["beats"]
            self._lose(missed, silent(self._missed[missed]))
        number = message.get("lost") or message.get("finished")
        if number and message.get("why"):
            self._lose(number, message["why"])
        if number in self._finished and "finished" in message:
            self._finished[number].set()

    def _on_death(self, child: Child, status: int) -> None:
        log.error("the recorder died; another goes on", extra={"pid": child.pid, "status": status})
        self._child = None
        self._restart = asyncio.get_running_loop().call_later(_BREATH_S, self.start)
