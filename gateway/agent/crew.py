"""The three vendors of one call: made, opened together, closed together, and a spare voice."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway import reasons
from gateway.agent import ear, mind, voice
from gateway.agent.messages import Start
from gateway.agent.streams import Clock, Spawn, harmless
from gateway.agent.vendors import Vendors
from gateway.errors import GatewayError, VendorError
from gateway.speech.contract import Speaking, Thinking

T = TypeVar("T")


class Unfit(GatewayError):
    """The call cannot be held as its brief wants it; ``reason`` is one of gateway.reasons."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Owner(ear.Owner, mind.Owner, voice.Owner, Protocol):
    """Who is told what the vendors do."""


def _had(make: Callable[[Start], T], start: Start, reason: Callable[[str], str]) -> T:
    try:
        return make(start)
    except VendorError as error:
        raise Unfit(reason(error.vendor), error.detail) from error


class Crew:
    """Raises Unfit if the model or the voice cannot be had at all."""

    def __init__(
        self, start: Start, vendors: Vendors, spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        self._start = start
        self._vendors = vendors
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        thinking = _had(vendors.thinking, start, reasons.model_failed)
        speaking = _had(vendors.speaking, start, reasons.voice_failed)
        hearing = start.brief.hearing.vendor
        self.ear = ear.Ear(
            lambda: vendors.hearing(start),
            hearing,
            vendors.timeout_s(hearing),
            spawn,
            clock,
            owner,
        )
        timeout_s = vendors.timeout_s(thinking.vendor)
        self.mind = mind.Mind(thinking, timeout_s, spawn, clock, owner)
        self.voice = self._voice(speaking)
        self._to_close: list[Thinking | Speaking] = [thinking, speaking]
        self._spare_taken = False

    def open(self) -> None:
        """Dial all three at once."""
        self.ear.open(self._clock())
        self.mind.open()
        self.voice.open()

    def spare_voice(self) -> voice.Voice | None:
        """Another voice, once, when the call's own has failed."""
        if self._spare_taken:
            return None
        self._spare_taken = True
        speaking = self._vendors.spare_voice(self._start)
        if speaking is None:
            return None
        self._to_close.append(speaking)
        self.voice = self._voice(speaking)
        self.voice.open()
        return self.voice

    async def close(self) -> None:
        """To be called when no task uses them any more; the ear's task has closed its vendor."""
        for vendor in self._to_close:
            await harmless(f"closing {vendor.vendor}", vendor.close())

    def _voice(self, speaking: Speaking) -> voice.Voice:
        timeout_s = self._vendors.timeout_s(speaking.vendor)
        return voice.Voice(speaking, timeout_s, self._spawn, self._clock, self._owner)
