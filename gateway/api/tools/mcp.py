"""The ``mcp`` tool: every tool of a Model Context Protocol server is offered to the model.

The list is asked for while the phone rings, and kept for a while for the calls to come. The server
is reached by streamable HTTP or SSE; a program on this machine (stdio) is never started.
"""

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.api.targets import target
from gateway.api.tools.errand import Json, ToolFailed, Unauthorised
from gateway.api.tools.kinds import model_name
from gateway.api.wire import FAILURES, Wire, reason
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply

log = logging.getLogger(__name__)

KEPT_S = 300.0
LISTED_S = 10.0  # how long a server may take to tell its tools
_PROTOCOLS = ("shttp", "sse")
_MOST = 128  # tools of a server: more than vendors of models take


@dataclass
class McpTools:
    wire: Wire
    clock: Callable[[], float] = time.monotonic
    _lists: dict[Any, tuple[float, list[Json]]] = field(default_factory=dict)

    async def discover(self, errand: Errand) -> list[Json]:
        """The tools of the server that a tool of the kind ``mcp`` names, written as tools of the
        API. Raises ToolFailed and wire.FAILURES."""
        tool = errand.written

        async def listed(session: Any, place: Any) -> list[Json]:
            key = (errand.org_id, place)
            at, found = self._lists.get(key) or (-KEPT_S - 1, [])
            if self.clock() - at > KEPT_S:
                found = (await session.list_tools(place, self.wire.http))[:_MOST]
                self._forget()
                self._lists[key] = self.clock(), found
            return found

        async with asyncio.timeout(LISTED_S):
            tools: list[Json] = await self._asked(errand, LISTED_S, {}, listed)
        messages = {m["name"]: m.get("messages") for m in tool.get("toolMessages") or ()}
        return [
            {
                "type": "mcp",
                "function": {**one, "name": model_name(one["name"])},
                "mcpName": one["name"],
                "server": tool.get("server"),
                "metadata": tool.get("metadata"),
                "rejectionPlan": tool.get("rejectionPlan"),
                "messages": messages.get(one["name"]) or tool.get("messages"),
            }
            for one in tools
        ]

    async def __call__(self, errand: Errand) -> ToolReply:
        """Raises ToolFailed and wire.FAILURES."""
        limit_s = errand.tool.timeout_s
        name = errand.written["mcpName"]

        async def called(session: Any, place: Any) -> Json:
            found: Json = await session.call_tool(place, self.wire.http, name, errand.arguments)
            return found

        reply = await self._asked(errand, limit_s, {"X-Call-Id": errand.record.id}, called)
        return ToolReply(reply["ok"], reply["content"] or "Done.")

    async def _asked(
        self,
        errand: Errand,
        limit_s: float,
        headers: dict[str, str],
        ask: Callable[[Any, Any], Awaitable[Any]],
    ) -> Any:
        """What ``ask`` gets of the server; asked again with a new token, if it refuses ours."""
        session = await _session()
        try:
            return await ask(session, await self._place(errand, limit_s, headers))
        except Unauthorised:
            where = target(errand.written.get("server"), errand.org_id)
            if where is None or not self.wire.refused(where.credential_id):
                raise
        return await ask(session, await self._place(errand, limit_s, headers))

    async def _place(self, errand: Errand, limit_s: float, headers: dict[str, str]) -> Any:
        where = target(errand.written.get("server"), errand.org_id)
        if where is None:
            raise ToolFailed("it has no server.url; programs (stdio) are not started here")
        if not where.url.startswith(("http://", "https://")):
            raise ToolFailed(f"its MCP server is not reached by http or https: {where.url[:200]}")
        protocol = (errand.written.get("metadata") or {}).get("protocol") or "shttp"
        if protocol not in _PROTOCOLS:
            raise ToolFailed(f"its MCP protocol {protocol} is not one of {', '.join(_PROTOCOLS)}")
        known = {n: errand.fill(v) for n, v in where.headers.items()} | headers
        if where.credential_id:
            known |= await self.wire.credentials(where.credential_id, where.url, errand.org_id)
        session = await _session()
        return session.Place(errand.fill(where.url), protocol, tuple(known.items()), limit_s)

    def _forget(self) -> None:
        old = [k for k, (at, _) in self._lists.items() if self.clock() - at > KEPT_S]
        for key in old:
            del self._lists[key]


async def _session() -> Any:
    return await asyncio.to_thread(importlib.import_module, "gateway.api.tools.mcp_session")


async def discovered(
    tools: McpTools, errands: Sequence[Errand], briefs: Callable[[list[Json]], Sequence[ToolBrief]]
) -> tuple[ToolBrief, ...]:
    """Of several servers at once. One that fails is a line in the log: the call goes on."""

    async def one(errand: Errand) -> list[Json]:
        try:
            return await tools.discover(errand)
        except (ToolFailed, *FAILURES) as error:
            why = str(error) if isinstance(error, ToolFailed) else reason(error, LISTED_S)
            log.warning("the tools of an MCP server are left out: %s", why)
            return []

    found = await asyncio.gather(*map(one, errands))
    return tuple(briefs([tool for tools in found for tool in tools]))
