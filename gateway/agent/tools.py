"""Tools that are running: what to say meanwhile, and when to wait no longer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.agent.timers import Timers
from gateway.speech.contract import Called, Tool

GRACE_S = 1.0  # main gives up first, and knows better why


class BadCall(Exception):
    """The model called a tool wrongly; ``str()`` is what it is told."""


@dataclass
class Run:
    id: str
    brief: ToolBrief
    timers: Timers = field(default_factory=Timers)


@dataclass(frozen=True)
class Filler:
    text: str


@dataclass(frozen=True)
class TimedOut:
    id: str
    content: str


class Tools:
    """``briefs`` are offered to the model; ``hidden`` are called by others."""

    def __init__(self, briefs: Sequence[ToolBrief], hidden: Sequence[ToolBrief] = ()) -> None:
        self._briefs = {brief.name: brief for brief in (*hidden, *briefs)}
        self._running: dict[str, Run] = {}
        self.offered = tuple(
            Tool(brief.name, brief.description, brief.parameters) for brief in briefs
        )

    @property
    def running(self) -> bool:
        return bool(self._running)

    def check(self, called: Called) -> tuple[ToolBrief, dict[str, Any]]:
        """The tool and its arguments. Raises BadCall."""
        brief = self._briefs.get(called.name)
        if brief is None:
            known = ", ".join(self._briefs) or "none"
            raise BadCall(f"There is no tool named {called.name}; there are: {known}.")
        try:
            arguments = json.loads(called.arguments or "{}")
        except ValueError as error:
            raise BadCall(f"The arguments of {called.name} are not JSON: {error}.") from None
        if not isinstance(arguments, dict):
            raise BadCall(f"The arguments of {called.name} must be a JSON object.")
        return brief, arguments

    def start(self, called_id: str, brief: ToolBrief, now: float) -> None:
        """It runs, and the model waits for it."""
        run = self._running[called_id] = Run(called_id, brief)
        run.timers.start("timeout", now + brief.timeout_s + GRACE_S)
        for index, message in enumerate(brief.messages):
            if message.at in ("start", "delayed"):
                run.timers.start(str(index), now + message.after_ms / 1000)

    def resume(self, calls: Sequence[Called], now: float) -> None:
        """Calls that another process began; their fillers have been said."""
        for called in calls:
            if brief := self._briefs.get(called.name):
                self._running[called.id] = run = Run(called.id, brief)
                run.timers.start("timeout", now + brief.timeout_s + GRACE_S)

    def finish(self, called_id: str, ok: bool) -> str | None:
        """Its result is here. Returns the message that is to be said instead of a reply."""
        run = self._running.pop(called_id, None)
        if run is None:
            return None
        at = "complete" if ok else "failed"
        return next((m.content for m in run.brief.messages if m.at == at), None)

    def beat(self, now: float) -> list[Filler | TimedOut]:
        """What has come due."""
        due: list[Filler | TimedOut] = []
        for run in self._running.values():
            while name := run.timers.next(now):
                if name == "timeout":
                    text = f"{run.brief.name} gave no answer within {run.brief.timeout_s:g} s."
                    due.append(TimedOut(run.id, text))
                    break
                due.append(Filler(run.brief.messages[int(name)].content))
        return due
