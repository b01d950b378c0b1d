"""Everything of the API that the daemon starts and stops."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from gateway import fenced_http
from gateway.api import credentials
from gateway.api.analysis import Analyst
from gateway.api.app import create_app
from gateway.api.briefs import Defaults
from gateway.api.call_view import CallView
from gateway.api.control import Control
from gateway.api.directory import StoreDirectory
from gateway.api.errors import ApiError
from gateway.api.health import Readiness
from gateway.api.introductions import Introductions
from gateway.api.keys import load_key
from gateway.api.letters import Letters
from gateway.api.orders import order_from
from gateway.api.resources import Body
from gateway.api.saved_outputs import Saved
from gateway.api.server import Holder, Server
from gateway.api.server_messages import Messages
from gateway.api.settings import ApiSettings, ToolSettings, WebhookSettings
from gateway.api.successors import Successors
from gateway.api.targets import Targets, target
from gateway.api.tool_server import ToolServer
from gateway.api.tools.knowledge import KIND, Librarian
from gateway.api.tools.mcp import McpTools
from gateway.api.tools.workers import workers
from gateway.api.unusable import Unusable
from gateway.api.webhooks import Webhooks
from gateway.api.wire import Wire
from gateway.calls.ports import CallRefused, Order, Papers, Switchboard
from gateway.fence import Fence
from gateway.reasons import Ended
from gateway.speech.settings import VendorSettings
from gateway.store import Store
from gateway.store.tables import THE_ORG
from gateway.trunks.book import Trunks


class Api:
    """``directory`` and ``webhooks`` are there from the start, since the switchboard needs them;
    the server starts when the switchboard is there. Raises ConfigError for a bad key."""

    def __init__(
        self,
        settings: ApiSettings,
        state_dir: Path,
        store: Store,
        defaults: Defaults | None = None,
        trunks: Trunks | None = None,
        webhooks: WebhookSettings = WebhookSettings(),  # noqa: B008  # it is not changed
        fence: Fence = Fence(),  # noqa: B008  # it is frozen
        vendors: Mapping[str, VendorSettings] = MappingProxyType({}),
        traced: bool = False,
        tools: ToolSettings = ToolSettings(),  # noqa: B008  # it is not changed
    ) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._store = store
        self._trunks = trunks or Trunks()
        self._server: Server | None = None
        self.key = load_key(settings, state_dir)
        messages = Messages(CallView(THE_ORG, settings.link_url))
        self._wire = Wire(fenced_http.client(fence), self._credential, traced)
        self._defaults = replace(defaults or Defaults(), introductions=Introductions(self._wire))
        targets = Targets(target(webhooks.server))
        self._letters = Letters(store, self._wire, targets)
        self.webhooks = Webhooks(messages, self._wire, targets, self._letters.keep)
        self.successors = Successors(store, self._defaults, messages, self._wire, targets)
        self.directory = StoreDirectory(store, self._defaults, messages, self._wire, targets)
        mcp = McpTools(self._wire)
        self._analyst = Analyst(vendors, tuple(map(str, fence.allowed)), Saved(store))
        self.tools = ToolServer(
            messages, self._wire, targets,
            {
                **workers(self._wire, mcp, store, state_dir, vendors, tools),
                KIND: Librarian(self._wire, messages, targets),
            },
            mcp,
            self._analyst,
            self.successors,
        )  # fmt: skip

    async def start(
        self, switchboard: Switchboard, readiness: Readiness, holder: Holder = lambda kind, port: ""
    ) -> None:
        """Serve. Raises ConfigError if the address is taken; ``holder`` finds out by whom."""
        await credentials.apply(self._store.credentials, self._trunks)
        app = create_app(
            self._store,
            switchboard,
            key=self.key,
            state_dir=self._state_dir,
            readiness=readiness,
            defaults=self._defaults,
            link_url=self._settings.public_url.rstrip("/"),
            trunks=self._trunks,
            letters=self._letters,
            control=Control(self.successors),
            at_once=self._settings.at_once,
            most_waiting=self._settings.most_waiting,
            analyst=self._analyst,
        )
        switchboard.listeners.append(self.webhooks)
        self._server = Server(app, self._settings, holder)
        await self._server.start()

    async def remake(self, org_id: str, papers: Papers) -> Order:
        """The order of a call that has waited, by what is stored now. Raises CallRefused."""
        try:
            return await order_from(papers["order"], self._store.of(org_id), self._defaults)
        except ApiError as error:
            raise CallRefused(error.text, Ended.RESOURCES_INVALID) from None
        except Unusable as error:
            raise CallRefused(str(error), Ended.RESOURCES_INVALID) from None

    @property
    def port(self) -> int:
        """The real TCP port."""
        return self._server.port if self._server else 0

    async def stop(self) -> None:
        """Stop answering requests; webhooks go on until ``close``."""
        if self._server is not None:
            await self._server.stop()

    async def close(self) -> None:
        """Send the messages that are waiting."""
        await self.webhooks.close()
        await self._analyst.close()
        await self._wire.close()

    async def _credential(self, org_id: str, credential_id: str) -> Body | None:
        stored = await self._store.of(org_id or THE_ORG).credentials.get(credential_id)
        return stored.body if stored else None
