"""The transcriber of one call, dialled again when it drops, without the caller noticing."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from gateway.agent.streams import Attempts, Clock, Running, Spawn, faithful, harmless, stalled
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Heard, Hearing

PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0)
KEPT = 500  # beats of sound that a new transcriber is given, if nothing final came of them
LEAD = 25  # beats before speech begins that are kept as well


class Owner(Protocol):
    def heard(self, heard: Heard) -> None: ...

    def ear_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...


class Ear:
    def __init__(
        self,
        make: Callable[[], Hearing],
        vendor: str,
        timeout_s: float,
        spawn: Spawn,
        clock: Clock,
        owner: Owner,
    ) -> None:
        self._make = make
        self._vendor = vendor
        self._timeout_s = timeout_s
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        self._hearing: Hearing | None = None  # while it listens
        self._task: Running | None = None
        self._due: float | None = None
        self._deadline: float | None = None  # for opening
        self._attempts = Attempts(PAUSES_S)
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._voice = False
        self._expected: Sequence[str] = ()

    def open(self, now: float) -> None:
        self._due = now
        self.beat(now)

    def hear(self, pcm: bytes) -> None:
        """The sound since last time, silence included."""
        self._kept.append(pcm)
        if not self._voice and len(self._kept) > LEAD and self._hearing:
            self._kept.popleft()
        if self._hearing:
            self._hearing.hear(pcm)

    def onset(self) -> None:
        self._voice = True
        if self._hearing:
            self._hearing.onset()

    def offset(self) -> None:
        self._voice = False
        if self._hearing:
            self._hearing.offset()

    def expect(self, phrases: Sequence[str]) -> None:
        self._expected = phrases
        if self._hearing:
            self._hearing.expect(phrases)

    def beat(self, now: float) -> None:
        if self._due is not None and now >= self._due:
            self._due = None
            self._deadline = now + self._timeout_s
            self._task = self._spawn(self._run(), "hearing")
        elif self._task and self._deadline is not None and now >= self._deadline:
            self._task.cancel()
            self._failed(stalled(self._vendor, "connection", self._timeout_s), now)

    async def _run(self) -> None:
        try:
            hearing = self._make()
        except VendorError as error:
            self._failed(error, self._clock())
            return
        try:
            async with aclosing(faithful(self._vendor, self._listen(hearing))) as events:
                async for heard in events:
                    self._attempts.succeeded()
                    if heard.final:
                        self._kept.clear()
                    self._owner.heard(heard)
            raise VendorError(self._vendor, Fault.THEIRS, "the stream ended")
        except VendorError as error:
            self._failed(error, self._clock())
        finally:
            await harmless(f"closing {self._vendor}", hearing.close())

    async def _listen(self, hearing: Hearing) -> AsyncIterator[Heard]:
        await hearing.open()
        self._begin(hearing)
        async for heard in hearing.events():
            yield heard

    def _begin(self, hearing: Hearing) -> None:
        self._deadline = None
        self._hearing = hearing
        if self._expected:
            hearing.expect(self._expected)
        if self._kept:
            hearing.hear(b"".join(self._kept))
        if self._voice:
            hearing.onset()

    def _failed(self, error: VendorError, now: float) -> None:
        self._hearing = self._task = self._deadline = None
        after = self._attempts.failed(error)
        if after is None:
            self._owner.ear_failed(error)
        else:
            self._due = now + after
            self._owner.retrying(error, after)
