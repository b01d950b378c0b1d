"""A call is recorded only once its party has agreed: an agent of its own asks, and then hands over
to the one that holds the call."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.agent.brief import Brief
from gateway.agent.handing import Context
from gateway.agent.messages import Spoken
from gateway.calls.ports import Successor
from gateway.calls.record import RecordingConsent
from gateway.logs import about
from gateway.reasons import Ended

if TYPE_CHECKING:
    from gateway.calls.call import Call


class Consent:
    """One call's. It is asked for once, whoever holds the call later."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._held_back: Brief | None = None  # of who holds the call when it has been given
        self._patience: asyncio.TimerHandle | None = None

    def first(self, brief: Brief) -> Brief:
        """Who comes before this one: whoever asks, if that is wanted and has not been answered."""
        record = self._call.record
        if brief.consent is None:
            return brief
        if record.consent is None:
            record.consent = RecordingConsent(type=brief.consent.kind)
        if record.consent.granted_at:
            return brief.model_copy(update={"consent": None})
        self._held_back = brief
        return brief.consent.brief

    def heard(self, message: Spoken) -> None:
        """Whoever has heard the message to its end, and stays, has agreed: if that is the plan."""
        plan = self._held_back.consent if self._held_back else None
        if plan is None or plan.kind != "stay-on-line" or self._patience:
            return
        if message.role == "assistant" and not message.interrupted:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(plan.wait_s, self._stayed)

    def close(self) -> None:
        if self._patience:
            self._patience.cancel()

    async def granted(self, tool_call_id: str = "") -> None:
        """The call goes on with who was to hold it, recorded."""
        call, brief = self._call, self._held_back
        if brief is None or call.record.consent is None:
            return
        self._held_back = None
        call.record.consent.granted_at = datetime.now(UTC)
        call.happened("recording_consent")
        # What was said before it came to this call is known to the next one, too.
        handed = len(call.record.activations) > 1
        successor = Successor(
            brief=brief.model_copy(update={"consent": None}),
            name=brief.name,
            papers=call.papers,
            assistant_id=call.record.assistant_id,
            context=Context(kind="all" if handed else "none"),
            result="Consent has been given.",
        )
        if why := await call.handover.to(successor, tool_call_id):
            call.end(Ended.NO_ASSISTANT, why)

    def _stayed(self) -> None:
        with about(self._call.record.id):
            if self._call.has_agent:
                self._call.house.tasks.start(self.granted(), "recording consent")
