"""Main's watch over the processes that beat: each has its share of the rows, and one more waits.

The one that waits, the spare, is loaded and belongs to nobody. When one dies, the spare is given
its rows' sockets and goes on within a beat or two, because sequence numbers, timestamps and cursors
are in ``lines``; the other processes notice nothing.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from gateway.errors import GatewayError
from gateway.media.beat import Tuning
from gateway.media.child import Child, Message
from gateway.media.lines import BEAT_S, Lines
from gateway.media.settings import MediaSettings, RtpSettings

log = logging.getLogger(__name__)

_BATCH = 32  # pairs of sockets handed over in one message
_STUCK_S = 1.0  # without a beat, a process is killed
_WATCH_S = 0.25
_YOUNG_S = 1.0  # a process that dies younger has not recovered from what killed the one before
_BREATH_S = 0.5
_FIRST_BEAT_S = 20.0

Pair = tuple[socket.socket, socket.socket]


@dataclass
class _Place:
    """What one process at a time does: the beats of the rows whose ``beater`` it is."""

    child: Child | None = None
    since: float = 0.0  # when it was put to work
    retry: asyncio.TimerHandle | None = None


class Beaters:
    """``sockets``: by row, of all that are taken. ``see_let_go`` is called whenever a process may
    have let go of rows."""

    def __init__(
        self,
        lines: Lines,
        media: MediaSettings,
        rtp: RtpSettings,
        wakes: Sequence[int],
        sockets: Mapping[int, Pair],
        see_let_go: Callable[[], None],
    ) -> None:
        self._lines, self._media, self._rtp = lines, media, rtp
        self._wakes, self._sockets, self._see_let_go = list(wakes), sockets, see_let_go
        self._places = [_Place() for _ in range(media.processes)]
        self._spare: Child | None = None
        self._spare_retry: asyncio.TimerHandle | None = None
        self._beating: set[Child] = set()
        self._all_beat = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._no_ring = ""  # why, as the log has been told
        self.restarts = [0] * media.processes

    @property
    def pids(self) -> dict[str, int | None]:
        named = {
            "media" + (f" {index + 1}" if index else ""): place.child.pid if place.child else None
            for index, place in enumerate(self._places)
        }
        return {**named, "spare": self._spare.pid if self._spare else None}

    @property
    def spare_ready(self) -> bool:
        return self._spare is not None and self._spare.ready

    async def start(self) -> None:
        """Returns when all are beating. GatewayError: one is not."""
        for index in range(len(self._places)):
            self._put_to_work(index, self._load())
        try:
            async with asyncio.timeout(_FIRST_BEAT_S):
                await self._all_beat.wait()
        except TimeoutError:
            raise GatewayError("the media process does not beat; its output says why") from None
        self._spare = self._load()
        self._watch = asyncio.create_task(self._watch_over())

    async def close(self) -> None:
        for timer in [self._spare_retry, *(place.retry for place in self._places)]:
            if timer:
                timer.cancel()
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        children = [*(place.child for place in self._places), self._spare]
        await asyncio.gather(*(child.stop() for child in children if child))

    def hand_over(self, row: int) -> None:
        """A row was taken: its process gets the sockets, or its successor will."""
        if child := self._places[int(self._lines["beater"][row])].child:
            self._give(child, [row])

    def _load(self) -> Child:
        """A process that has loaded everything and waits to be put to work."""
        beat_ms = 1000 * BEAT_S
        tuning = Tuning(
            jitter=round(self._rtp.jitter_ms / beat_ms),
            jitter_most=round(self._rtp.jitter_most_ms / beat_ms),
            relearn_s=self._rtp.relearn_s,
            learn_s=self._rtp.learn_s,
            vad_mode=self._media.vad_mode,
            speech_level_db=self._media.speech_level_db,
        )
        orders = {
            "lines": self._lines.fd,
            "wakes": self._wakes,
            "capacity": self._lines.capacity,
            "realtime": self._media.realtime,
            "io": self._media.io,
            "tuning": asdict(tuning),
        }
        return Child(
            "gateway.media.process",
            orders,
            [self._lines.fd, *self._wakes],
            self._on_message,
            self._on_death,
        )

    def _put_to_work(self, index: int, child: Child) -> None:
        place = self._places[index]
        place.child, place.since = child, asyncio.get_running_loop().time()
        rows = [row for row in sorted(self._sockets) if self._lines["beater"][row] == index]
        for first in range(0, len(rows), _BATCH):
            self._give(child, rows[first : first + _BATCH])
        child.send({"go": index})

    def _give(self, child: Child, rows: list[int]) -> None:
        """RTP sockets go into the slots of their rows, those of RTCP behind them all."""
        capacity = self._lines.capacity
        slots = [*rows, *(row + capacity for row in rows)]
        child.send({"slots": slots}, [self._sockets[slot % capacity][slot >= capacity]
                                      for slot in slots])  # fmt: skip

    def _on_message(self, child: Child, message: Message) -> None:
        if "beating" in message:
            self._beating.add(child)
            if len(self._beating) == len(self._places):
                self._all_beat.set()
            log.info("sound is beating", extra={"pid": child.pid, "io": message["io"]})
        elif "ready" in message:
            log.debug("a media process is ready", extra={"pid": child.pid, **message})
            if self._media.realtime and not message["realtime"]:
                log.warning("no right to real-time priority: sound may suffer under load")
            if message["no_ring"] and not self._no_ring:
                self._no_ring = message["no_ring"]
                log.warning(
                    "no io_uring: sound takes a call of the kernel for each packet",
                    extra={"why": self._no_ring},
                )
        for row, why in message.get("faults", ()):
            muted = bool(self._lines["muted"][row])
            log.error("a line made the beat fail", extra={"row": row, "muted": muted, "why": why})
        self._see_let_go()

    def _on_death(self, child: Child, status: int) -> None:
        log.error("a media process died", extra={"pid": child.pid, "status": status})
        self._beating.discard(child)
        loop = asyncio.get_running_loop()
        if child is self._spare:
            self._spare = None
            self._spare_retry = loop.call_later(_BREATH_S, self._load_spare)
        for index, place in enumerate(self._places):
            if child is place.child:
                self.restarts[index] += 1
                place.child = None
                if self._spare and loop.time() - place.since > _YOUNG_S:
                    self._replace(index)
                else:
                    place.retry = loop.call_later(_BREATH_S, self._replace, index)

    def _replace(self, index: int) -> None:
        child, self._spare = self._spare or self._load(), None
        self._put_to_work(index, child)
        self._load_spare()

    def _load_spare(self) -> None:
        if self._spare is None:
            self._spare = self._load()

    async def _watch_over(self) -> None:
        """A process that runs but does not beat is as good as dead."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_S)
            self._see_let_go()
            for index, place in enumerate(self._places):
                beat_at = max(float(self._lines["beats_at"][index]), place.since)
                if place.child and loop.time() - beat_at > _STUCK_S:
                    log.error("media does not beat and is killed", extra={"pid": place.child.pid})
                    place.child.kill()
