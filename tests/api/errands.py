"""Calls of tools, from the API's JSON to the reply, by the workers that a test gives."""

from typing import Any

from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.tool_briefs import tool_briefs
from gateway.api.tool_server import ToolServer
from gateway.api.tools.workers import Worker
from gateway.api.wire import Wire
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply
from gateway.calls.record import CallRecord
from tests.api.hooks import a_call


async def run(
    tool: dict[str, Any],
    arguments: dict[str, Any],
    wire: Wire,
    workers: dict[str, Worker],
    record: CallRecord | None = None,
) -> ToolReply:
    (brief,) = tool_briefs({"tools": [tool]})
    messages = Messages(CallView("org", "http://gateway.test"))
    server = ToolServer(messages, wire, Targets(), workers)
    return await server.call(Errand(record or a_call(), {}, brief, arguments, "t1"))
