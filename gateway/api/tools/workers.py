"""Who does which kind of tool; the kinds that are not here are their owner's server's."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from gateway.api.files import Files
from gateway.api.settings import ToolSettings
from gateway.api.tools import office
from gateway.api.tools.accounts import Accounts
from gateway.api.tools.api_request import ApiRequests
from gateway.api.tools.code import Code
from gateway.api.tools.mcp import McpTools
from gateway.api.tools.query import Queries
from gateway.api.wire import Wire
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply
from gateway.speech.settings import VendorSettings
from gateway.store import Store

Worker = Callable[[Errand], Awaitable[ToolReply]]  # may raise ToolFailed and wire.FAILURES


def workers(
    wire: Wire,
    mcp: McpTools,
    store: Store,
    state_dir: Path,
    vendors: Mapping[str, VendorSettings],
    settings: ToolSettings,
) -> dict[str, Worker]:
    in_office = partial(office.do, Accounts(store, wire, vendors))
    return {
        **dict.fromkeys(office.DEEDS, in_office),
        "apiRequest": ApiRequests(wire),
        "code": Code(settings),
        "mcp": mcp,
        "query": Queries(store, Files(state_dir).place),
    }
