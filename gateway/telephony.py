"""The SIP side put together: the endpoint, its gate, the trunks, and the registrar."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from gateway.calls.doors import Doors
from gateway.calls.manner import manner_of
from gateway.calls.passports import Passports
from gateway.config import Settings
from gateway.errors import ConfigError
from gateway.metrics import REGISTRY
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.defence import Defence
from gateway.sip.endpoint import Endpoint
from gateway.sip.message import Request
from gateway.sip.policy import Policy
from gateway.sip.registrar import Registrar
from gateway.sip.registration import Authorise
from gateway.sip.routing import Hop
from gateway.sip.session import Session
from gateway.trunks.book import Trunks
from gateway.trunks.gauges import TrunkGauges
from gateway.trunks.toll import Toll

log = logging.getLogger(__name__)

GOODBYE_S = 2.0  # for registrars to answer that we have left


class Telephony:
    """``doors`` and ``trunks`` are there at once; ``endpoint`` too, and opens with ``start``."""

    def __init__(self, settings: Settings, offered: Callable[[Session], None]) -> None:
        """Raises ConfigError for a trunk that cannot be used."""
        self.trunks = Trunks(settings.trunks, settings.outbound.trunk)
        _check(self.trunks, settings)
        realm = next(iter(settings.registrar.domains), "") or settings.sip.public_address
        passports = Passports(secrets.token_bytes(32), realm or "trunkline")
        self.doors = Doors(self.trunks, Toll(settings.outbound), passports, time.monotonic)
        gate = Defence(
            settings.defence,
            settings.sip.unknown,
            trusted=self.doors.trusted,
            expected=self.doors.expected,
        )
        self.endpoint = Endpoint(settings.sip, offered, gate)
        stack = self.endpoint.stack
        gate.note = stack.note
        stack.policy_for = self._policy
        if settings.registrar.enabled:

            def passport(request: Request, source: Hop) -> str:
                return passports(request, registrar.passwords, "", time.monotonic())

            registrar = self.doors.registrar = Registrar(settings.registrar, passport, stack)
            stack.serves["REGISTER"] = registrar.requested
        self._gauges = TrunkGauges(self.trunks)
        self._started = False

    async def start(self) -> None:
        """Listen, register, ask the gateways how they are. Raises ConfigError."""
        await self.endpoint.start()
        REGISTRY.register(self._gauges)
        self._started = True
        stack = self.endpoint.stack

        def authoriser(user: str, password: str) -> Callable[[], Authorise]:
            return Authorizer(Credentials(user, password), stack.token).begin

        self.trunks.attach(stack, authoriser)
        stack.stir()

    async def leave(self) -> None:
        """Take back the registrations, so that carriers send no more calls here."""
        self.trunks.close()
        deadline = time.monotonic() + GOODBYE_S
        while self.trunks.leaving and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        await self.endpoint.close()
        if self._started:
            REGISTRY.unregister(self._gauges)

    def _policy(self, request: Request, source: Hop) -> Policy:
        """A stranger's REFER is never obeyed, nor is its word taken for who it is."""
        covering = self.trunks.covering(source.address[0])
        manner = manner_of(covering[0].settings if covering else None)
        return manner.policy(self.endpoint.stack.policy)


def _check(trunks: Trunks, settings: Settings) -> None:
    """What cannot be known before all sections have been read. Raises ConfigError."""
    default = settings.outbound.trunk
    if default and trunks.named(default) is None:
        raise ConfigError(f"[outbound] trunk = {default!r}: there is no [trunks.{default}]")
    for trunk in trunks:
        where = f"[trunks.{trunk.name}]"
        try:
            manner_of(trunk.settings)
        except LookupError as error:
            raise ConfigError(f"{where} codecs: {error}") from None
        if trunk.settings.register_ and len(trunk.settings.gateways) > 1:
            log.info("%s registers with its first gateway that answers", where)
    if list(trunks) and not settings.outbound.numbers:
        log.warning("[outbound] numbers is empty: no telephone number can be called")
