"""Tools that are running: what to say meanwhile, and when to wait no longer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from gateway.agent.brief import Condition, ToolBrief, ToolMessage
from gateway.agent.timers import Timers
from gateway.speech.contract import Called, Tool

GRACE_S = 1.0  # main gives up first, and knows better why


class BadCall(Exception):
    """The model called a tool wrongly; ``str()`` is what it is told."""


@dataclass
class Run:
    id: str
    brief: ToolBrief
    arguments: dict[str, Any]
    blocked: bool = False  # it is to begin when what is said first has been said
    timers: Timers = field(default_factory=Timers)
    fillers: list[str] = field(default_factory=list)  # each has a timer of its number

    def say(self, text: str, at: float) -> None:
        self.timers.start(str(len(self.fillers)), at)
        self.fillers.append(text)


@dataclass(frozen=True)
class Filler:
    text: str


@dataclass(frozen=True)
class Begin:
    """Have this done now."""

    id: str
    brief: ToolBrief
    arguments: dict[str, Any]


@dataclass(frozen=True)
class TimedOut:
    id: str
    content: str


class Tools:
    """``briefs`` are offered to the model; ``hidden`` are called by others."""

    def __init__(self, briefs: Sequence[ToolBrief], hidden: Sequence[ToolBrief] = ()) -> None:
        self._briefs = {brief.name: brief for brief in hidden}
        self._running: dict[str, Run] = {}
        self.offered: tuple[Tool, ...] = ()
        self.offer(briefs)

    def offer(self, briefs: Sequence[ToolBrief]) -> None:
        """From now on, these too; of one name, the first stays."""
        known = {tool.name for tool in self.offered}
        new = [brief for brief in briefs if brief.name not in known]
        self._briefs |= {brief.name: brief for brief in new}
        self.offered += tuple(
            Tool(brief.name, brief.description, brief.parameters, brief.strict) for brief in new
        )

    def under_way(self, kind: str) -> str:
        """The id of a call of such a tool that has begun; empty: there is none."""
        if not self._running:
            return ""
        runs = (r for r in self._running.values() if r.brief.kind == kind and not r.blocked)
        return next((run.id for run in runs), "")

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

    def start(
        self,
        called_id: str,
        brief: ToolBrief,
        arguments: dict[str, Any],
        now: float,
        said: bool = False,
    ) -> bool:
        """The model waits for it. ``said``: it has said something itself in the same breath.
        Returns whether to have it done at once; else :meth:`beat` says when."""
        run = self._running[called_id] = Run(called_id, brief, arguments)
        run.timers.start("timeout", now + brief.timeout_s + GRACE_S)
        if first := self.opening(called_id, brief, arguments, said):
            run.say(first.content, now)
            run.blocked = first.blocking
        for message in brief.messages:
            if message.at == "delayed" and holds(message.conditions, arguments):
                run.say(message.content, now + message.after_ms / 1000)
        return not run.blocked

    def opening(
        self, called_id: str, brief: ToolBrief, arguments: Mapping[str, Any], said: bool
    ) -> ToolMessage | None:
        """What is said when it begins."""
        message = choose(brief.messages, "start", arguments, called_id)
        return None if message is None or (said and message.own) else message

    def resume(self, calls: Sequence[Called], now: float) -> None:
        """Calls that another process began; their fillers have been said."""
        for called in calls:
            if brief := self._briefs.get(called.name):
                self._running[called.id] = run = Run(called.id, brief, {})
                run.timers.start("timeout", now + brief.timeout_s + GRACE_S)

    def finish(self, called_id: str, ok: bool) -> ToolMessage | None:
        """Its result is here. Returns the message that takes a reply's place, or that tells the
        model what to reply."""
        run = self._running.pop(called_id, None)
        if run is None:
            return None
        at = "complete" if ok else "failed"
        message = choose(run.brief.messages, at, run.arguments, called_id)
        return message if message and (message.content or message.end_call) else None

    def beat(self, now: float, silent: bool) -> list[Filler | Begin | TimedOut]:
        """What has come due. ``silent``: nothing is being said."""
        due: list[Filler | Begin | TimedOut] = []
        for run in self._running.values():
            began_at = len(due)
            while name := run.timers.next(now):
                if name == "timeout":
                    text = f"{run.brief.name} gave no answer within {run.brief.timeout_s:g} s."
                    due.append(TimedOut(run.id, text))
                    break
                due.append(Filler(run.fillers[int(name)]))
            if run.blocked and silent and len(due) == began_at:
                run.blocked = False
                run.timers.start("timeout", now + run.brief.timeout_s + GRACE_S)
                due.append(Begin(run.id, run.brief, run.arguments))
        return due


def choose(
    messages: Sequence[ToolMessage], at: str, arguments: Mapping[str, Any], called_id: str
) -> ToolMessage | None:
    """The first whose conditions hold; else one of those without, not always the same."""
    fitting = [m for m in messages if m.at == at and holds(m.conditions, arguments)]
    if special := [m for m in fitting if m.conditions]:
        return special[0]
    return fitting[crc32(called_id.encode()) % len(fitting)] if fitting else None


def holds(conditions: Sequence[Condition], arguments: Mapping[str, Any]) -> bool:
    """All of them, of the call's arguments. One about an argument that is absent does not hold,
    but for ``neq``."""
    return all(_holds(condition, arguments) for condition in conditions)


def _holds(condition: Condition, arguments: Mapping[str, Any]) -> bool:
    given: Any = arguments
    for name in condition.param.split("."):
        given = given.get(name) if isinstance(given, Mapping) else None
    if given is None:
        return condition.operator == "neq"
    left, right = _comparable(given), _comparable(condition.value)
    if type(left) is not type(right):
        left, right = str(given), condition.value
    match condition.operator:
        case "eq":
            return bool(left == right)
        case "neq":
            return bool(left != right)
        case "gt":
            return bool(left > right)
        case "gte":
            return bool(left >= right)
        case "lt":
            return bool(left < right)
        case "lte":
            return bool(left <= right)


def _comparable(value: Any) -> Any:
    """As a number where it is one: the condition's value is always a text."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)
