"""Where an agent's vendors come from."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from gateway.agent.brief import Choice
from gateway.agent.messages import Start
from gateway.errors import ConfigError, Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Hearing, Speaking, Thinking
from gateway.speech.settings import VendorSettings

T = TypeVar("T")


class Vendors(Protocol):
    """Makes the three vendors of a call. All raise VendorError if they cannot be had."""

    def hearing(self, start: Start) -> Hearing: ...

    def thinking(self, start: Start) -> Thinking: ...

    def speaking(self, start: Start) -> Speaking: ...

    def spare_voice(self, start: Start) -> Speaking | None:
        """One that needs no network, for an apology when the call's own voice fails."""

    def timeout_s(self, vendor: str) -> float:
        """How long it may let the call wait for a connection, a token or a sound."""


class Catalog:
    """The real ones."""

    def __init__(self, settings: Mapping[str, VendorSettings]) -> None:
        self._settings = settings

    def _of(self, vendor: str) -> VendorSettings:
        return self._settings.get(vendor) or VendorSettings()

    def hearing(self, start: Start) -> Hearing:
        return self._make(catalog.hearing, start.brief.hearing, start.call, {})

    def thinking(self, start: Start) -> Thinking:
        brief = start.brief
        if brief.thinking.vendor == "script":
            ours: dict[str, Any] = {"variables": start.variables}
        else:
            ours = {"temperature": brief.temperature, "max_tokens": brief.max_tokens}
        return self._make(catalog.thinking, brief.thinking, start.call, ours)

    def speaking(self, start: Start) -> Speaking:
        return self._make(catalog.speaking, start.brief.speaking, start.call, {})

    def spare_voice(self, start: Start) -> Speaking | None:
        if start.brief.speaking.vendor == "embedded":
            return None
        return self._make(catalog.speaking, Choice(vendor="embedded"), start.call, {})

    def timeout_s(self, vendor: str) -> float:
        return self._of(vendor).timeout_s

    def _make(
        self,
        make: Callable[[str, str, Mapping[str, Any], VendorSettings, str], T],
        choice: Choice,
        call: str,
        ours: dict[str, Any],
    ) -> T:
        vendor, options = choice.vendor, ours | choice.options
        try:
            return make(vendor, choice.model, options, self._of(vendor), call)
        except ConfigError as error:
            raise VendorError(vendor, Fault.OURS, str(error)) from error
