"""Who does which kind of tool; the kinds that are not here are their owner's server's."""

from collections.abc import Awaitable, Callable

from gateway.api.tools.api_request import ApiRequests
from gateway.api.tools.errand import Errand
from gateway.api.tools.mcp import McpTools
from gateway.api.wire import Wire
from gateway.calls.ports import ToolReply

Worker = Callable[[Errand], Awaitable[ToolReply]]  # may raise ToolFailed and wire.FAILURES


def workers(wire: Wire, mcp: McpTools) -> dict[str, Worker]:
    return {
        "apiRequest": ApiRequests(wire),
        "mcp": mcp,
    }
