"""Who takes a call over: a member of its squad, another assistant or squad, or whoever the owner's
server names (``handoff-destination-request``)."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.agent.handing import Context
from gateway.agent.templates import Templates
from gateway.api.briefs import Defaults, brief_of
from gateway.api.casting import Cast, cast, member, named
from gateway.api.errors import ApiError
from gateway.api.handoff_tools import name_of
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets, target
from gateway.api.tools.extraction import extract
from gateway.api.unusable import Unusable
from gateway.api.webhooks import SENT
from gateway.api.wire import FAILURES, Wire, reason
from gateway.calls.ports import CallRefused, Papers, Successor
from gateway.calls.record import CallRecord
from gateway.calls.variables import about
from gateway.store import Holdings, Store, StoreError
from gateway.store.tables import THE_ORG

log = logging.getLogger(__name__)

Json = dict[str, Any]

LIMIT_S = 10.0
_KINDS = {
    "all": "all", "lastNMessages": "last", "userAndAssistantMessages": "spoken",
    "previousAssistantMessages": "own", "none": "none",
}  # fmt: skip


class Successors:
    def __init__(
        self, store: Store, defaults: Defaults, messages: Messages, wire: Wire, targets: Targets
    ) -> None:
        self._store, self._defaults = store, defaults
        self._messages, self._wire, self._targets = messages, wire, targets

    async def of_tool(
        self, record: CallRecord, papers: Papers, tool: Json, arguments: Json
    ) -> Successor:
        """Whom the model means by this call of a ``handoff`` tool. Raises CallRefused."""
        ways = tool.get("destinations") or []
        wanted = arguments.get("destination")
        way = next((one for one in ways if len(ways) == 1 or name_of(one) == wanted), None)
        if ways and way is None:
            names = ", ".join(map(name_of, ways))
            raise CallRefused(f"There is no destination {wanted!r}; there are: {names}.")
        result = tool.get("defaultResult")
        if way is None or way.get("type") == "dynamic":
            server = (way or {}).get("server") or tool.get("server")
            way, told = await self._asked(record, papers, server, arguments)
            result = told or result
        known = (tool.get("function") or {}).get("parameters") or {}
        inline = {k: v for k, v in arguments.items() if k in (known.get("properties") or {})}
        try:
            found = await self.of(record, papers, way, inline)
            return replace(found, result=str(result or ""))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("an answer to handoff-destination-request is of no use: %r", error)
            raise CallRefused("The server's destination cannot be used.") from None

    async def of(
        self, record: CallRecord, papers: Papers, way: Json, variables: Json | None = None
    ) -> Successor:
        """Whom a destination names. Raises CallRefused."""
        holdings = self._store.of(record.org_id or THE_ORG)
        try:
            found = await self._cast(way, papers, holdings)
            brief = await brief_of(found.assistant, self._defaults, found.keys, holdings.org_id)
        except ApiError as error:
            raise CallRefused(error.text) from None
        except (Unusable, StoreError) as error:
            raise CallRefused(str(error)) from None
        silent = not found.assistant.get("firstMessage")
        if silent and found.assistant.get("firstMessageMode") != "assistant-waits-for-user":
            brief = brief.model_copy(update={"greeting_mode": "generate"})
        kept = {k: v for k, v in papers.items() if not k.startswith("squad")} | found.papers
        plan = way.get("variableExtractionPlan") or {}
        return Successor(
            brief=brief,
            name=str(found.assistant.get("name") or name_of(way)),
            assistant_id=found.assistant_id,
            papers=kept,
            variables=found.variables | (variables or {}),
            context=_context(way),
            extract=plan.get("schema"),
            derive=lambda facts: facts | _aliases(plan, facts, record),
        )

    async def altered(self, record: CallRecord, papers: Papers, overrides: Json) -> Successor:
        """The same assistant with overrides over it, in the middle of the call."""
        way = {"assistant": papers.get("assistant") or {}, "assistantOverrides": overrides}
        changed = await self.of(record, papers, way)
        brief = changed.brief.model_copy(update={"greeting_mode": "wait"})
        squad = {k: v for k, v in papers.items() if k.startswith("squad")}
        update = {"assistant_id": record.assistant_id, "brief": brief}
        return Successor(**{**vars(changed), **update, "papers": changed.papers | squad})

    async def _cast(self, way: Json, papers: Papers, holdings: Holdings) -> Cast:
        over = way.get("assistantOverrides")
        if way.get("squadId") or way.get("squad"):
            whole = await cast(way, holdings)
            entry = way.get("entryAssistantName")
            if not entry or whole.squad is None:
                return whole
            return await self._member(whole.papers, entry, holdings, None)
        wanted = str(way.get("assistantId") or way.get("assistantName") or "")
        ours = papers.get("squad") if wanted and not way.get("assistant") else None
        if ours and await named(ours, wanted, holdings) is not None:
            return await self._member(papers, wanted, holdings, over)
        if not way.get("assistantId") and not way.get("assistant"):
            raise CallRefused(f"There is no assistant named {wanted!r} in this call's squad.")
        return await cast(
            {k: way.get(k) for k in ("assistantId", "assistant", "assistantOverrides")}, holdings
        )

    async def _member(
        self, papers: Papers, name: str, holdings: Holdings, over: Json | None
    ) -> Cast:
        squad, overrides = papers["squad"], papers.get("squadOverrides") or {}
        index = await named(squad, name, holdings)
        if index is None:
            raise CallRefused(f"There is no assistant named {name!r} in the squad.")
        one = await member(squad, index, overrides, holdings, over)
        return Cast(
            one.assistant, one.assistant_id, None, papers.get("squadId"), squad, overrides,
            one.variables, keys=one.keys,
        )  # fmt: skip

    async def _asked(
        self, record: CallRecord, papers: Papers, server: Json | None, arguments: Json
    ) -> tuple[Json, str]:
        """The destination, and the tool's result if the server gives one. Raises CallRefused."""
        where = target(server, record.org_id) or self._targets.of_call(papers, record.org_id)
        if where is None:
            raise CallRefused("The handoff has neither destinations nor a server to ask for one.")
        message = self._messages.handoff_destination_request(record, papers, arguments)
        outcome = "refused"
        try:
            body = json.dumps(message, default=str).encode()
            async with asyncio.timeout(LIMIT_S):
                status, answer = await self._wire.send(where, body, LIMIT_S)
            if not 200 <= status < 300:
                raise CallRefused(f"The server that knows whom to hand over to answered {status}.")
            found = json.loads(answer)
            outcome = "delivered"
        except FAILURES as error:
            outcome = "unreachable"
            raise CallRefused(f"Whom to hand over to: {reason(error, LIMIT_S)}.") from None
        finally:
            SENT.labels("handoff-destination-request", outcome).inc()
        way = found.get("destination") if isinstance(found, dict) else None
        if not isinstance(way, dict):
            said = found.get("error") or found.get("result") if isinstance(found, dict) else ""
            raise CallRefused(str(said or "The server names nobody to hand over to."))
        return way, str(found.get("result") or "")


def _aliases(plan: Json, facts: Json, record: CallRecord) -> Json:
    """What follows from the facts that the model took out of the conversation: ``$`` in it."""
    known = about(record) | record.variables | facts

    def fill(text: str, more: Mapping[str, Any]) -> str:
        return Templates(known | dict(more), record.answered_at or record.created_at).fill(text)

    return extract({"aliases": plan.get("aliases")}, json.dumps(facts), fill)


def _context(way: Json) -> Context:
    if way.get("transferMode") or way.get("message") is not None:
        swaps = way.get("transferMode") == "swap-system-message-in-history"
        return Context(kind="all" if swaps else "rolling")
    plan = way.get("contextEngineeringPlan") or {}
    kind: Any = _KINDS.get(plan.get("type") or "all", "all")
    return Context(kind=kind, count=int(plan.get("maxMessages") or 0))
