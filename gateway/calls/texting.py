"""Texts to somebody's phone by a trunk that takes them (SIP MESSAGE, RFC 3428)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.calls.destination import Destination
from gateway.calls.doors import Doors
from gateway.calls.leg import Answer
from gateway.calls.ports import CallRefused
from gateway.calls.second_leg import Caller, order_of
from gateway.sip import texting
from gateway.sip.endpoint import Endpoint
from gateway.sip.grammar import SipSyntaxError

if TYPE_CHECKING:
    from gateway.trunks.dialling import Attempt

BUSY = 503  # the next gateway may take it


class Texts(Protocol):
    def takes(self, caller: Caller, to: str) -> bool:
        """Whether the trunk that would be called by takes texts."""

    async def send(self, caller: Caller, to: str, text: str) -> Answer:
        """The final answer; 408 if there was none. Raises CallRefused."""


@dataclass(frozen=True)
class TrunkTexts:
    doors: Doors
    endpoint: Callable[[], Endpoint]

    def takes(self, caller: Caller, to: str) -> bool:
        return self.doors.texts(order_of(caller, Destination(name=to, target=to)))

    async def send(self, caller: Caller, to: str, text: str) -> Answer:
        order = order_of(caller, Destination(name=to, target=to))
        endpoint = self.endpoint()
        ways = self.doors.ways_of_text(order, endpoint.local_address_for, time.monotonic())
        answer = Answer(BUSY, "No gateway", b"")
        for way in ways:
            answer = await self._try(endpoint, way, text)
            if answer.status != BUSY:
                break
        return answer

    async def _try(self, endpoint: Endpoint, way: "Attempt", text: str) -> Answer:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def told(status: int | None, why: str) -> None:
            if not answered.done():
                answered.set_result(Answer(status or 408, why, b""))

        message = texting.Text(
            way.target, way.from_uri, text, way.hop, way.headers, way.credentials
        )
        try:
            texting.send(endpoint.stack, message, told)
        except SipSyntaxError as error:
            raise CallRefused(f"the text cannot be sent: {error}") from None
        return await answered
