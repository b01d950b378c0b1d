"""What an agent tells main of its call."""

from collections.abc import Callable, Collection
from typing import Any, Literal

from gateway.agent.messages import (
    Action,
    Checkpoint,
    Consult,
    Extracted,
    FromAgent,
    HangUp,
    Happened,
    Live,
    Progress,
    Spoken,
    Summary,
    TurnTimings,
)
from gateway.agent.mouth import Uttered
from gateway.agent.timings import Timings

Kind = Literal["partial", "speech", "model", "voice"]


class Report:
    """``live`` are the kinds of messages.Live that somebody wants to be told."""

    def __init__(
        self,
        call: str,
        send: Callable[[FromAgent], None],
        live: Collection[str] = (),
        part: int = 0,
    ) -> None:
        self.turn = 0  # of the caller, as it is being answered
        self._call = call
        self._send = send
        self._live = frozenset(live)
        self.vendors: Callable[[], dict[str, str]] = dict  # who does the parts of the call now
        self._part = part

    def follow(self, live: Collection[str]) -> None:
        self._live = frozenset(live)

    def live(self, what: Kind, **facts: Any) -> None:
        """For who follows the call as it goes."""
        if what in self._live:
            self._send(Live(call=self._call, what=what, facts={**facts, "turn": self.turn}))

    def happened(self, what: str, at: float, **facts: Any) -> None:
        self._send(Happened(call=self._call, what=what, at=at, facts=facts))

    def caller_said(self, text: str, began_at: float, ended_at: float, **extra: Any) -> None:
        self._send(
            Spoken(
                call=self._call,
                role="user",
                text=text,
                began_at=min(began_at, ended_at),
                ended_at=ended_at,
                extra=extra,
            )
        )

    def agent_said(self, uttered: Uttered, interrupted: bool) -> None:
        self._send(
            Spoken(
                call=self._call,
                role="assistant",
                text=uttered.text,
                began_at=uttered.began_at,
                ended_at=uttered.ended_at,
                interrupted=interrupted,
            )
        )

    def tool(
        self, role: Literal["tool_call", "tool_result"], text: str, at: float, **extra: Any
    ) -> None:
        self._send(
            Spoken(call=self._call, role=role, text=text, began_at=at, ended_at=at, extra=extra)
        )

    def action(self, called_id: str, tool: str, kind: str, arguments: dict[str, Any]) -> None:
        self._send(
            Action(call=self._call, action=called_id, tool=tool, kind=kind, arguments=arguments)
        )

    def consult(self, question: int, conversation: tuple[dict[str, Any], ...]) -> None:
        self._send(Consult(call=self._call, question=question, conversation=conversation))

    def summary(self, text: str) -> None:
        self._send(Summary(call=self._call, text=text))

    def timings(self, turn: int, timings: Timings) -> None:
        self._send(
            TurnTimings(
                call=self._call,
                turn=turn,
                began_at=timings.began,
                total_ms=timings.total_ms,
                segments=timings.segments,
                own_ms=timings.own_ms,
                vendors=self.vendors(),
            )
        )

    def progress(self, checkpoint: Checkpoint) -> None:
        self._send(Progress(call=self._call, checkpoint=checkpoint, part=self._part))

    def extracted(self, values: dict[str, Any]) -> None:
        self._send(Extracted(call=self._call, values=values))

    def hang_up(self, reason: str, detail: str) -> None:
        self._send(HangUp(call=self._call, reason=reason, detail=detail))
