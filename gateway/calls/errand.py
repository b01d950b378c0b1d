"""One call of a tool: whose, which, with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import Action
from gateway.agent.templates import Templates
from gateway.calls.record import CallRecord
from gateway.calls.variables import about
from gateway.store.tables import THE_ORG

if TYPE_CHECKING:
    from gateway.calls.call import Call
    from gateway.calls.ports import Papers


@dataclass(frozen=True)
class Errand:
    """``arguments`` are the model's; ``id`` is what it calls this call of the tool."""

    record: CallRecord
    papers: "Papers"
    tool: ToolBrief
    arguments: dict[str, Any]
    id: str

    @classmethod
    def of(cls, call: "Call", tool: ToolBrief, action: Action) -> "Errand":
        """What the model has asked for, in a call that goes on."""
        return cls(call.record, call.papers, tool, action.arguments, action.action)

    @property
    def written(self) -> dict[str, Any]:
        """The tool as its owner wrote it."""
        return self.tool.written

    @property
    def org_id(self) -> str:
        return self.record.org_id or THE_ORG

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The call's."""
        return about(self.record) | self.record.variables

    def fill(self, text: str, more: Mapping[str, Any] | None = None) -> str:
        """A Liquid template, with the call's variables and over them the model's arguments."""
        known = self.variables | self.arguments | dict(more or {})
        at = self.record.answered_at or self.record.created_at
        return Templates(known, at or datetime.now(UTC)).fill(text)

    def filled(self, value: Any) -> Any:
        """Every text in it as a template."""
        match value:
            case str():
                return self.fill(value)
            case dict():
                return {self.fill(name): self.filled(part) for name, part in value.items()}
            case list():
                return [self.filled(part) for part in value]
        return value
