"""A stage for an agent: the real pipeline on one row, with a clock that somebody turns."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from gateway.agent.messages import (
    FromAgent,
    HangUp,
    Happened,
    Spoken,
    Start,
    TurnTimings,
)
from gateway.agent.pipeline import Agent
from gateway.agent.row import Row
from gateway.agent.smart_turn import TurnModel
from gateway.agent.vendors import Vendors
from gateway.media.lines import Lines

M = TypeVar("M")
AT = datetime(2026, 3, 4, 15, 6, tzinfo=UTC)  # the wall clock's time when a simulation begins


class Stage:
    """One call's agent. ``lines`` are the agent's (``Writer.AGENT``); ``sent`` is what it has told
    main."""

    def __init__(
        self,
        start: Start,
        lines: Lines,
        vendors: Vendors,
        clock: Callable[[], float],
        smart_turn: TurnModel | None = None,
    ) -> None:
        self.start = start
        self.sent: list[FromAgent] = []
        self.agent: Agent
        self._lines = lines
        self._vendors = vendors
        self._clock = clock
        self._smart_turn = smart_turn

    def begin(self, at: datetime = AT, **changes: Any) -> None:
        """An agent for the call, as a process makes one; ``at`` is the wall clock's time,
        ``changes`` are of ``start``."""
        self.agent = Agent(
            self.start.model_copy(update=changes),
            Row(self._lines, self.start.row),
            self._vendors,
            self.take,
            self._clock,
            at,
            self._smart_turn,
        )
        self.agent.open()

    def take(self, message: FromAgent) -> None:
        """What the agent tells main."""
        self.sent.append(message)

    @property
    def state(self) -> str:
        return self.agent.state.value

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.sent if isinstance(message, kind)]

    def happened(self, what: str) -> list[Happened]:
        return [message for message in self.of(Happened) if message.what == what]

    def transcript(self, *roles: str) -> list[str]:
        return [m.text for m in self.of(Spoken) if m.role in (roles or ("assistant", "user"))]

    @property
    def conversation(self) -> list[tuple[str, str]]:
        return [(m.role, m.content) for m in self.agent.conversation.messages()]

    @property
    def hang_ups(self) -> list[str]:
        return [message.reason for message in self.of(HangUp)]

    @property
    def timings(self) -> list[TurnTimings]:
        return self.of(TurnTimings)
