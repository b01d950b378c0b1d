"""A knowledge base that is asked what is known, once for each turn, before the model is."""

import json
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.agent.report import Report
from gateway.agent.tools import GRACE_S

KNOWN = "What is known about it:"


class Lookup:
    """``base`` None: there is none."""

    def __init__(self, base: ToolBrief | None) -> None:
        self.base = base
        self.running = ""  # the question, by its id
        self._until = 0.0
        self._turn = 0  # that it was asked about last

    def wanted(self, turn: int) -> bool:
        return self.base is not None and self._turn < turn

    def begin(
        self, turn: int, said: tuple[dict[str, Any], ...], report: Report, now: float
    ) -> None:
        assert self.base is not None
        self._turn = turn
        self.running = f"{self.base.kind}-{turn}"
        self._until = now + self.base.timeout_s + GRACE_S
        asked = {"messages": list(said)}
        report.action(self.running, self.base.name, self.base.kind, asked)

    def overdue(self, now: float) -> bool:
        return bool(self.running) and now > self._until

    def answered(self, content: str) -> tuple[str, str]:
        """What is said in the model's place, and what the model is told; either may be empty."""
        self.running = ""
        found = json.loads(content) if content else {}
        documents = found.get("documents")
        return found.get("say") or "", f"{KNOWN}\n\n{documents}" if documents else ""
