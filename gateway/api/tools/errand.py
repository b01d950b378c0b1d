"""One call of a tool, as whoever does it sees it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.agent.templates import Templates
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord
from gateway.calls.variables import about
from gateway.errors import GatewayError
from gateway.store.tables import THE_ORG

Json = dict[str, Any]


class ToolFailed(GatewayError):
    """``str()`` goes on where "The tool x failed: " ends, and is for the model to read."""


@dataclass(frozen=True)
class Errand:
    """``arguments`` are the model's."""

    record: CallRecord
    papers: Papers
    tool: ToolBrief
    arguments: Json
    id: str

    @property
    def written(self) -> Json:
        """The tool as its owner wrote it."""
        return self.tool.written

    @property
    def org_id(self) -> str:
        return self.record.org_id or THE_ORG

    @cached_property
    def variables(self) -> Json:
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

    def static(self) -> Json:
        """What the owner adds to the model's arguments, which the model does not see."""
        return static_parameters(self.written, self)


def static_parameters(tool: Json, errand: Errand | None = None) -> Json:
    given = {p["key"]: p["value"] for p in tool.get("parameters") or () if isinstance(p, dict)}
    return errand.filled(given) if errand else given


def text_of(value: Any) -> str:
    """What the model is given to read."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
