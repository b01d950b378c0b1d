"""Where an agent's vendors come from."""

from typing import Protocol

from gateway.agent.brief import Choice
from gateway.speech.contract import Hearing, Speaking, Thinking


class Vendors(Protocol):
    """Makes the three vendors of a call. All raise VendorError if they cannot be had."""

    def hearing(self, choice: Choice, call: str) -> Hearing: ...

    def thinking(self, choice: Choice, call: str) -> Thinking: ...

    def speaking(self, choice: Choice, call: str) -> Speaking: ...

    def spare_voice(self, call: str) -> Speaking | None:
        """One that needs no network, for an apology when the call's own voice fails."""

    def timeout_s(self, vendor: str) -> float:
        """How long it may let the call wait for a connection, a token or a sound."""
