"""The call gets another agent: other ears, voice and model on the same line, without a gap."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.agent.brief import ToolBrief
from gateway.agent.handing import passed_on
from gateway.agent.messages import Became, Extract, Extracted, Start
from gateway.calls.destination import Destination
from gateway.calls.errand import Errand
from gateway.calls.ports import CallRefused, Successor
from gateway.calls.record import Activation, Line

if TYPE_CHECKING:
    from gateway.calls.call import Call

log = logging.getLogger(__name__)

EXTRACT_S = 10.0  # the agent gives up sooner
BECOME_S = 30.0  # its last words, and its successor's vendors


class Handover:
    """One call's. Only one is under way at a time."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._extracted: asyncio.Future[dict[str, Any]] | None = None
        self._became: asyncio.Future[str] | None = None

    def heard(self, message: Extracted | Became) -> None:
        """What the agents say of it."""
        match message:
            case Extracted(values=values) if self._extracted and not self._extracted.done():
                self._extracted.set_result(values)
            case Became(error=error) if self._became and not self._became.done():
                self._became.set_result(error)

    async def to(self, successor: Successor, tool_call_id: str = "") -> str:
        """Give the call to somebody else; why that could not be, or ""."""
        call, record = self._call, self._call.record
        brief = call.consent.first(successor.brief)
        # Who answered was found out, or not, in the call's first seconds: these are others.
        successor = replace(successor, brief=brief.model_copy(update={"voicemail": None}))
        if self._became:
            return "the call is being handed over already"
        self._became = asyncio.get_running_loop().create_future()
        try:
            facts = await self._facts(successor.extract) if successor.extract else {}
            call.know(successor.derive(facts))
            call.know(successor.variables)
            standing = call.agents.conversation(record.id)
            if standing is None:
                return "the call has no agent"
            before, checkpoint = standing
            result = successor.result or (
                f"The call has been handed over to {successor.name or 'another assistant'}."
            )
            since = len(before.history) + len(before.brief.system)
            context = successor.context
            start = Start(
                call=record.id,
                row=call.leg.row,
                brief=successor.brief,
                variables=record.variables,
                part=before.part + 1,
                history=passed_on(checkpoint.conversation, context, since, result),
                rolling=context.kind == "rolling",
                turns=checkpoint.turns,
            )
            call.agents.become(start)
            async with asyncio.timeout(BECOME_S):
                error = await self._became
        except TimeoutError:
            error = "the next assistant did not come"
        finally:
            self._became = None
        if error:
            call.happened("handoff_failed", to=successor.name, why=error)
            return error
        if tool_call_id:
            self._note(result, tool_call_id)
        self._taken_over(successor)
        call.house.told(call, Became(call=record.id, part=start.part))
        return ""

    async def transferred(self, to: Destination, tool_call_id: str = "") -> str:
        """As ``to``, by a transfer whose destination is an assistant."""
        call = self._call
        if call.forwarding.busy:
            return "another transfer of this call is under way"
        written = {"destinations": [{"transferMode": "rolling-history", **to.papers}]}
        tool = ToolBrief(kind="handoff", name="transferCall", written=written)
        try:
            successor = await call.tools.successor(
                Errand(call.record, call.papers, tool, {}, tool_call_id)
            )
        except CallRefused as error:
            return str(error).rstrip(".")
        if to.announcement:
            await call.forwarding.let_finish(to.announcement)
        return await self.to(successor, tool_call_id)

    async def _facts(self, schema: dict[str, Any]) -> dict[str, Any]:
        self._extracted = asyncio.get_running_loop().create_future()
        self._call.tell(Extract(call=self._call.record.id, schema_=schema))
        try:
            async with asyncio.timeout(EXTRACT_S):
                return await self._extracted
        except TimeoutError:
            log.warning("the model took no facts out of the conversation in time")
            return {}
        finally:
            self._extracted = None

    def _taken_over(self, successor: Successor) -> None:
        call, record = self._call, self._call.record
        record.activations.append(
            Activation(name=successor.name, assistant_id=successor.assistant_id)
        )
        record.assistant_id = successor.assistant_id
        call.change(successor.brief, successor.papers)
        call.happened("handoff", to=successor.name, context=successor.context.kind)
        log.info("the call is handed over to %s", successor.name)

    def _note(self, result: str, tool_call_id: str) -> None:
        """The tool's result, which its own agent is not there to be told any more."""
        at, since_s = self._call.clock(time.monotonic())
        self._call.record.transcript.append(
            Line(
                role="tool_result", text=result, at=at, began_s=since_s, ended_s=since_s,
                extra={"id": tool_call_id, "ok": True},
            )
        )  # fmt: skip
