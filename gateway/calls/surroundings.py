"""The house that a call lives in: what it needs of everything around it."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.agent.messages import FromAgent
from gateway.agent.pool import Agents
from gateway.calls.leg import Leg
from gateway.calls.ports import ToolServer
from gateway.calls.record import CallRecord
from gateway.calls.second_leg import Reach
from gateway.calls.texting import Texts
from gateway.tasks import Tasks

if TYPE_CHECKING:
    from gateway.calls.call import Call


@dataclass(frozen=True)
class Surroundings:
    """What a call needs of the house it lives in."""

    agents: Agents
    tools: ToolServer
    tasks: Tasks
    state_dir: Path  # recordings lie below it
    changed: Callable[["Call"], None]  # its status is new
    over: Callable[["Call"], None]  # its record is complete
    told: Callable[["Call", FromAgent], None]  # its agent has said something
    keep: Callable[[CallRecord, str | None], Awaitable[None]]  # its recording, in this form
    background: Callable[[Leg, str], Coroutine[Any, Any, None]]  # a sound under its agent's voice
    reach: Reach  # of other parties
    texts: Texts  # to other parties
    play_file: Callable[[Leg, str, bool], Awaitable[bool]]  # see Backgrounds.play_once
