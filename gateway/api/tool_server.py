"""Tools that are no deed on the phone: done by a worker of ours, or by their owner's server, by the
documented ``tool-calls`` message and its answer."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.agent.brief import Brief, ToolBrief
from gateway.api.analysis import Analyst
from gateway.api.authentication import NotAuthenticated
from gateway.api.introductions import Introductions
from gateway.api.server_messages import (
    Messages,
    failed,
    read_advice,
    read_destination,
    read_tool_answer,
)
from gateway.api.successors import Successors
from gateway.api.targets import Target, Targets, target
from gateway.api.tool_briefs import tool_briefs
from gateway.api.tools.encryption import encrypted
from gateway.api.tools.errand import ToolFailed, added
from gateway.api.tools.extraction import extract
from gateway.api.tools.mcp import McpTools, discovered
from gateway.api.tools.rejection import rejected
from gateway.api.tools.workers import Worker
from gateway.api.webhooks import SENT
from gateway.api.wire import FAILURES, Wire, reason
from gateway.calls.destination import Destination
from gateway.calls.errand import Errand
from gateway.calls.ports import CallRefused, Findings, Papers, Successor, ToolReply
from gateway.calls.record import CallRecord

log = logging.getLogger(__name__)

DESTINATION_S = 10.0  # the caller waits
ADVICE_S = 2.0  # the caller is waiting; the agent has long used its own judgement by then


class ToolServer:
    """Implements ``calls.ports.ToolServer``. ``workers`` do the kinds of tool that are not their
    owner's server's."""

    def __init__(
        self,
        messages: Messages,
        wire: Wire,
        targets: Targets,
        workers: Mapping[str, Worker] | None = None,
        mcp: McpTools | None = None,
        analyst: Analyst | None = None,
        successors: Successors | None = None,
    ) -> None:
        self._successors = successors
        self._messages, self._wire, self._targets = messages, wire, targets
        self._mcp = mcp or McpTools(wire)
        self._workers = workers or {}
        self._analyst = analyst or Analyst({})
        self._introductions = Introductions(wire)

    async def call(self, errand: Errand) -> ToolReply:
        """Never raises: a time-out or a refusal is a reply with ``ok`` False."""
        tool = errand.tool
        if why := rejected(errand):
            log.info("the call of the tool %s is rejected: %s", tool.name, why)
            return failed(tool.name, f"the call is not allowed now: {why}")
        began = time.monotonic()
        try:
            async with asyncio.timeout(tool.timeout_s):
                reply = await self._done(errand)
        except ToolFailed as error:
            reply = failed(tool.name, str(error))
        except FAILURES as error:
            reply = failed(tool.name, reason(error, tool.timeout_s))
        except Exception:  # no tool may end a call
            log.exception("the tool %s went wrong", tool.name)
            reply = failed(tool.name, "something went wrong here")
        if reply.ok and (plan := tool.written.get("variableExtractionPlan")):
            reply = replace(reply, variables=extract(plan, reply.content, errand.fill))
        log.info(
            "tool %s: %s",
            tool.name,
            "(of a call that may not be logged)" if errand.record.discreet else reply.content[:200],
            extra={"ok": reply.ok, "ms": round((time.monotonic() - began) * 1000)},
        )
        return reply

    async def _done(self, errand: Errand) -> ToolReply:
        if worker := self._workers.get(errand.tool.kind):
            return await worker(errand)
        org_id = errand.record.org_id
        where = target(errand.tool.server, org_id) or self._targets.of_call(errand.papers, org_id)
        if where is None:
            log.warning(
                "the tool %s has no server: set server.url on it or the assistant",
                errand.tool.name,
            )
            raise ToolFailed("it has no server")
        reply = await self._ask(where, errand)
        SENT.labels("tool-calls", "delivered" if reply.ok else "refused").inc()
        return reply

    def rejected(self, errand: Errand) -> str:
        """By its rejectionPlan. Never raises."""
        try:
            return rejected(errand)
        except Exception:  # no plan may end a call
            log.exception("the rejectionPlan of the tool %s went wrong", errand.tool.name)
            return ""

    async def discover(
        self, record: CallRecord, papers: Papers, elsewhere: Sequence[ToolBrief]
    ) -> tuple[ToolBrief, ...]:
        """The tools of MCP servers. Never raises."""
        errands = [Errand(record, papers, tool, {}, "") for tool in elsewhere]
        return await discovered(self._mcp, errands, lambda t: tool_briefs({"tools": t}))

    async def destination(self, errand: Errand) -> Destination | str:
        """By the documented ``transfer-destination-request``. Never raises."""
        record, papers = errand.record, errand.papers
        org_id = record.org_id
        where = target(errand.tool.server, org_id) or self._targets.of_call(papers, org_id)
        if where is None:
            return "There is no server that could say where to transfer the caller to."
        message = self._messages.transfer_destination_request(record, papers, errand.arguments)
        try:
            body = json.dumps(message, default=str).encode()
            async with asyncio.timeout(DESTINATION_S):
                status, answer = await self._wire.send(where, body, DESTINATION_S)
        except FAILURES as error:
            SENT.labels("transfer-destination-request", "unreachable").inc()
            return f"The server did not name a destination: {reason(error, DESTINATION_S)}."
        delivered = 200 <= status < 300
        SENT.labels("transfer-destination-request", "delivered" if delivered else "refused").inc()
        if not delivered:
            return f"The server did not name a destination: HTTP status {status}."
        transcriber = (papers.get("assistant") or {}).get("transcriber") or {}
        return read_destination(answer, str(transcriber.get("language") or "en"))

    async def successor(self, errand: Errand) -> Successor:
        """Raises CallRefused, with what the model is told."""
        if self._successors is None:
            raise CallRefused("There is nobody to hand over to.")
        return await self._successors.of_tool(
            errand.record, errand.papers, errand.written, errand.arguments
        )

    async def analyse(self, record: CallRecord, papers: Papers, brief: Brief) -> Findings:
        """Never raises. A vendor's token may have ended since the call began."""
        brief = await self._introductions.made(brief, record.org_id)
        return await self._analyst.analyse(record, papers, brief)

    async def advise(
        self,
        record: CallRecord,
        papers: Papers,
        server: dict[str, Any] | None,
        conversation: Sequence[Mapping[str, Any]],
    ) -> float | None:
        """By the documented ``call.endpointing.request``. Never raises."""
        where = target(server, record.org_id) or self._targets.of_call(papers, record.org_id)
        if where is None:
            log.warning("nobody can be asked when a turn ends: smartEndpointingPlan has no server")
            return None
        message = self._messages.endpointing_request(record, papers, conversation)
        outcome, wait_s = "refused", None
        try:
            body = json.dumps(message, default=str).encode()
            async with asyncio.timeout(ADVICE_S):
                status, answer = await self._wire.send(where, body, ADVICE_S)
            wait_s = read_advice(answer) if 200 <= status < 300 else None
            outcome = "refused" if wait_s is None else "delivered"
        except FAILURES as error:
            outcome = "unreachable"
            log.warning("who should say when a turn ends does not: %s", reason(error, ADVICE_S))
        SENT.labels("call.endpointing.request", outcome).inc()
        return wait_s

    async def key(self, plan: str, org_id: str, refused: bool) -> tuple[str, float]:
        """Never raises: empty if there is none."""
        try:
            return await self._wire.key(plan, org_id, refused)
        except NotAuthenticated as error:
            log.warning("a vendor's key is not renewed: %s", error)
            return "", 0.0

    async def _ask(self, where: Target, errand: Errand) -> ToolReply:
        tool = errand.tool
        paths = where.encrypted
        key = await self._wire.credential(where.credential_id, where.org_id) if paths else None
        arguments = encrypted(errand.arguments | added(errand), paths, key)
        message = self._messages.tool_calls(
            errand.record, errand.papers, tool, arguments, errand.id
        )
        try:
            body = json.dumps(message, default=str).encode()
            async with asyncio.timeout(tool.timeout_s):
                status, answer = await self._wire.send(where, body, tool.timeout_s)
        except FAILURES as error:
            return failed(tool.name, reason(error, tool.timeout_s))
        if not 200 <= status < 300:
            return failed(tool.name, f"its server answered with HTTP status {status}")
        return read_tool_answer(answer, errand.id, tool.name)
