"""All trunks: from the file and from the API, found by address, by user and by name."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal

from gateway.sip.routing import Hop
from gateway.sip.stack import Stack
from gateway.trunks.settings import TrunkSettings
from gateway.trunks.trunk import Authoriser, Trunk


class Trunks:
    """``default`` names the trunk of calls that name none."""

    def __init__(
        self, settings: Mapping[str, TrunkSettings] | None = None, default: str = ""
    ) -> None:
        self._default = default
        self._trunks: dict[str, Trunk] = {}
        self._leaving: list[Trunk] = []  # until their registrations are taken back
        self._attach: Callable[[Trunk], None] | None = None
        self._covering = lru_cache(maxsize=4096)(self._find_covering)
        for name, given in (settings or {}).items():
            self.put(name, given)

    def __iter__(self) -> Iterator[Trunk]:
        return iter(list(self._trunks.values()))

    def attach(self, stack: Stack, authoriser: Authoriser) -> None:
        """From now on trunks are kept alive, also those that are put later."""
        self._attach = lambda trunk: trunk.attach(stack, authoriser)
        stack.on_broken.append(self._broken)
        for trunk in self._trunks.values():
            self._attach(trunk)

    def put(
        self,
        name: str,
        settings: TrunkSettings,
        origin: Literal["file", "api"] = "file",
        org_id: str = "",
    ) -> None:
        """Add one, or change it; its calls go on, and are counted. ``org_id`` is whose it is;
        empty: it serves every organisation."""
        before = self._trunks.get(name)
        if before is not None and before.settings == settings:
            return
        trunk = Trunk(name, settings, origin, org_id)
        trunk.learns = self._covering.cache_clear
        if before is not None:
            self._leave(before)
            trunk.inbound, trunk.outbound = before.inbound, before.outbound
            trunk.inbound.limit(settings.channels_in, settings.calls_per_second_in)
            trunk.outbound.limit(settings.channels_out, settings.calls_per_second_out)
        self._trunks[name] = trunk
        self._covering.cache_clear()
        if self._attach:
            self._attach(trunk)

    def remove(self, name: str) -> None:
        """Forget one; its calls go on."""
        if trunk := self._trunks.pop(name, None):
            self._leave(trunk)
            self._covering.cache_clear()

    def close(self) -> None:
        """Take back every registration; ``leaving`` tells when that is done."""
        for trunk in self._trunks.values():
            self._leave(trunk)

    @property
    def leaving(self) -> bool:
        """Whether a registration that ends has not been answered yet."""
        self._leaving = [t for t in self._leaving if t.registration and not t.registration.over]
        return bool(self._leaving)

    def named(self, name: str) -> Trunk | None:
        return self._trunks.get(name)

    def default(self, org_id: str = "") -> Trunk | None:
        """Where a call of this organisation goes that names no trunk: by the one set, else by the
        only one with gateways that serves it."""
        if self._default:
            return self._trunks.get(self._default)
        able = [t for t in self._trunks.values() if t.gateways and t.serves(org_id)]
        return able[0] if len(able) == 1 else None

    def covering(self, host: str) -> tuple[Trunk, ...]:
        """The trunks whose address this is, the closest network first."""
        return self._covering(host)

    def of_user(self, username: str) -> Trunk | None:
        """The trunk that proves by digest to be this user."""
        found = (t for t in self._trunks.values() if t.settings.inbound_username == username)
        return next(found, None) if username else None

    @property
    def any_by_digest(self) -> bool:
        return any(trunk.settings.inbound_username for trunk in self._trunks.values())

    def owner(self, host: str, org_id: str = "") -> Trunk | None:
        """The trunk that a SIP URI with this host is sent by: the organisation's own before one
        that serves all, before another's, which it must not be sent by."""
        owning = [trunk for trunk in self._trunks.values() if trunk.owns(host)]
        owning.sort(key=lambda t: (not t.serves(org_id), not t.org_id))
        return owning[0] if owning else None

    def _find_covering(self, host: str) -> tuple[Trunk, ...]:
        if not self._trunks:
            return ()
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return ()
        found = [(trunk.covers(host, address), trunk) for trunk in self._trunks.values()]
        found = [entry for entry in found if entry[0]]
        return tuple(t for _, t in sorted(found, key=lambda entry: -entry[0]))

    def _leave(self, trunk: Trunk) -> None:
        trunk.detach()
        if trunk.registration:
            self._leaving.append(trunk)

    def _broken(self, hop: Hop) -> None:
        for trunk in list(self._trunks.values()):
            if trunk.registration:
                trunk.registration.broken(hop)
