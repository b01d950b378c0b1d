"""Something asked of a vendor as a stream, one at a time: begun when it is due, watched for
silence, tried again when it fails. What the model and the voice of a call have in common.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from gateway.agent.streams import Clock, Running, Spawn, harmless, stalled
from gateway.errors import VendorError


class Asking(ABC):
    """A subclass says what is asked (``_run``), of whom (``_vendor``), how long that one may be
    silent (``_patience_s``), what to do about a failure, and when it was the last."""

    def __init__(self, name: str, lacks: str, spawn: Spawn, clock: Clock) -> None:
        self._name = name  # of its tasks
        self._lacks = lacks  # what does not come when the vendor is silent
        self._spawn = spawn
        self._clock = clock
        self._ready = False
        self._task: Running | None = None
        self._due: float | None = None  # of the next attempt
        self._deadline = 0.0

    # What a subclass says

    @property
    @abstractmethod
    def _vendor(self) -> str: ...

    @property
    @abstractmethod
    def _patience_s(self) -> float: ...

    @abstractmethod
    async def _run(self) -> None: ...

    @abstractmethod
    def _again(self, error: VendorError, now: float) -> float | None:
        """Seconds until the next attempt after this failure, which the owner is told; None: there
        is none."""

    @abstractmethod
    def _given_up(self, error: VendorError) -> None: ...

    # What it does for it

    def beat(self, now: float) -> None:
        """Begin what is due; notice what has stalled."""
        if not self._ready:
            self._ready = now >= self._deadline
        elif self._due is not None and now >= self._due:
            self._due = None
            self._deadline = now + self._patience_s
            self._task = self._spawn(self._run(), self._name)
        elif self._task and now >= self._deadline:
            self._task.cancel()
            self._failed(stalled(self._vendor, self._lacks, self._patience_s), now)

    def _opening(self, work: Awaitable[None]) -> None:
        """Make the connection warm; what is asked meanwhile waits for it, within its patience."""
        self._deadline = self._clock() + self._patience_s
        self._spawn(self._open(work), f"{self._name}-open")

    async def _open(self, work: Awaitable[None]) -> None:
        await harmless(f"opening {self._vendor}", work)
        self._ready = True
        self.beat(self._clock())

    def _begin(self, now: float) -> None:
        self._due = now
        self.beat(now)

    def _came(self) -> None:
        """The vendor has given something."""
        self._deadline = self._clock() + self._patience_s

    def _stop(self) -> None:
        if self._task:
            self._task.cancel()
        self._task = self._due = None

    def _failed(self, error: VendorError, now: float) -> None:
        self._task = None
        after = self._again(error, now)
        if after is None:
            self._given_up(error)
        else:
            self._due = now + after
