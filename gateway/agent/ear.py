"""The transcriber of one call. One that drops is dialled again, or replaced by the next, and is
given the sound of which no final words have come, without the caller noticing."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from gateway.agent.rota import Rota
from gateway.agent.row import SIZE
from gateway.agent.streams import Clock, Running, Spawn, faithful, harmless, stalled
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Heard, Hearing

PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0)
KEPT = 1000  # beats of sound that a new transcriber is given, if nothing final came of them
LEAD = 25  # beats before speech begins that are kept as well
REPLAYED = 10  # beats at a time


class Owner(Protocol):
    def heard(self, heard: Heard) -> None: ...

    def ear_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...

    def substituted(self, error: VendorError, by: str) -> None: ...


@dataclass(frozen=True)
class Candidate:
    """A transcriber that may be had; ``timeout_s`` is how long its opening may take."""

    vendor: str
    make: Callable[[], Hearing]
    timeout_s: float


class Ear:
    """``candidates`` in order of preference."""

    def __init__(
        self, candidates: Sequence[Candidate], spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        self._candidates = candidates
        self._rota = Rota(len(candidates), PAUSES_S)
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        self._hearing: Hearing | None = None  # while it listens
        self._task: Running | None = None
        self._due: float | None = None
        self._deadline: float | None = None  # for opening
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._voice = False
        self._unanswered = False  # there was speech, and nothing final has come of it
        self._doubted: int | None = None  # beats kept of speech that was perhaps not even heard
        self._taken = False  # what of it was heard has become the caller's turn
        self._expected: Sequence[str] = ()

    def open(self, now: float) -> None:
        self._due = now
        self.beat(now)

    def hear(self, pcm: bytes) -> None:
        """The sound since last time, silence included."""
        self._kept.extend(pcm[at : at + SIZE] for at in range(0, len(pcm), SIZE))
        quiet_from = self._doubted if not self._voice else None
        if self._hearing and not self._unanswered:
            self._keep(LEAD)
        elif quiet_from is not None and len(self._kept) > quiet_from + LEAD:
            del self._kept[quiet_from]  # the silence between is left out
        if self._hearing:
            self._hearing.hear(pcm)

    def onset(self) -> None:
        if self._taken:
            self._taken, self._doubted = False, None
            self._keep(LEAD)
        self._voice = self._unanswered = True
        if self._hearing:
            self._hearing.onset()

    def offset(self) -> None:
        self._voice = False
        if self._doubted is not None:
            self._doubt()
        if self._hearing:
            self._hearing.offset()

    def taken(self) -> None:
        """The words so far are answered: more speech is another matter."""
        self._taken = True

    def expect(self, phrases: Sequence[str]) -> None:
        self._expected = phrases
        if self._hearing:
            self._hearing.expect(phrases)

    @property
    def _candidate(self) -> Candidate:
        return self._candidates[self._rota.current]

    @property
    def vendor(self) -> str:
        return self._candidate.vendor

    @property
    def listens(self) -> bool:
        """It does; else a transcriber is being dialled, or is to be."""
        return self._hearing is not None

    def beat(self, now: float) -> None:
        if self._due is not None and now >= self._due:
            self._due = None
            self._deadline = now + self._candidate.timeout_s
            self._task = self._spawn(self._run(), "hearing")
        elif self._task and self._deadline is not None and now >= self._deadline:
            self._task.cancel()
            slow = self._candidate
            self._failed(stalled(slow.vendor, "connection", slow.timeout_s), now)

    async def _run(self) -> None:
        vendor = self._candidate.vendor
        try:
            hearing = self._candidate.make()
        except VendorError as error:
            self._failed(error, self._clock())
            return
        try:
            async with aclosing(faithful(vendor, self._listen(hearing))) as events:
                async for heard in events:
                    if heard.assumed:
                        self._doubt()
                    else:
                        self._rota.succeeded()
                        self._settled(heard)
                    self._owner.heard(heard)
            raise VendorError(vendor, Fault.THEIRS, "the stream ended")
        except VendorError as error:
            self._failed(error, self._clock())
        finally:
            await harmless(f"closing {vendor}", hearing.close())

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
        if self._unanswered:  # all of what is kept belongs to it
            hearing.onset()
        kept = iter(self._kept)
        while beats := list(islice(kept, REPLAYED)):
            hearing.hear(b"".join(beats))
        if self._unanswered and not self._voice:
            hearing.offset()

    def _doubt(self) -> None:
        self._doubted = min(len(self._kept), KEPT - 2 * LEAD)

    def _settled(self, heard: Heard) -> None:
        if heard.final:
            self._kept.clear()
            self._unanswered = self._voice
            self._taken, self._doubted = False, None

    def _keep(self, beats: int) -> None:
        while len(self._kept) > beats:
            self._kept.popleft()

    def _failed(self, error: VendorError, now: float) -> None:
        self._hearing = self._task = self._deadline = None
        failed = self._rota.current
        after = self._rota.failed(error)
        if after is None:
            self._owner.ear_failed(error)
            return
        self._due = now + after
        if self._rota.current == failed:
            self._owner.retrying(error, after)
        else:
            self._owner.substituted(error, self._candidate.vendor)
