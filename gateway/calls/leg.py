"""One party of a call: its signalling and its line. What a call may ask of it, and is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from gateway.calls.record import Sound
from gateway.media.line import Line, Symptoms

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ringing:
    """The party we dialled is being alerted."""

    status: int


@dataclass(frozen=True, slots=True)
class Up:
    """Answered, and both sides know where sound goes."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key that did not come in the sound (SIP INFO, RFC 6086)."""

    digit: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """A text within the call (MESSAGE, RFC 3428 section 5)."""

    text: str


@dataclass(frozen=True, slots=True)
class Down:
    """The leg is over. ``status`` is the SIP status or Q.850 cause that says why, if any does."""

    by_peer: bool
    answered: bool
    status: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Referring:
    """How the REFER goes that we sent; ``status`` is None where nobody told one."""

    stage: Literal["accepted", "done", "refused"]
    status: int | None = None
    detail: str = ""


LegEvent = Ringing | Up | Pressed | Wrote | Down | Referring


@dataclass(frozen=True, slots=True)
class Answer:
    """The peer's to a request within the call."""

    status: int
    phrase: str
    body: bytes


class Leg(Protocol):
    """A party, however it is reached."""

    row: int
    line: Line  # to be bridged, played to or listened in to

    def hang_up(self, detail: str, headers: Headers = ()) -> None:
        """End it in whatever way its state wants; ``Down`` follows if it has not already.
        ``headers`` go with a BYE."""

    async def dial(self, digits: str, *, by_info: bool = False) -> None:
        """Send telephone digits, by SIP INFO or else by the best way this peer understands;
        returns when sent."""

    def hold(self) -> None:
        """Ask the party to send nothing, and to hear what we send."""

    def resume(self) -> None:
        """The end of that."""

    def refer(self, target: str, *, replaces: "Leg | None" = None, headers: Headers = ()) -> None:
        """Ask the party to call ``target``, a URI that is sent as given, instead of us; in the
        place of ``replaces``, if given. ``Referring`` tells how it goes. GatewayError: it cannot
        be asked."""

    async def request(self, method: str, headers: Headers, body: bytes) -> Answer:
        """Send INFO, MESSAGE or NOTIFY within the call. GatewayError: the call is not up."""

    def denoise(self) -> str | None:
        """Take noise out of what the party says, from now on; returns why it cannot be."""

    def record(self, path: Path) -> None:
        """Record both directions from now until the leg is closed."""

    def pause_recording(self, paused: bool) -> bool:
        """Have the recording be silent from now on, or go on; whether that changes anything."""

    @property
    def recording_lost(self) -> str | None:
        """Why the recording lacks something; complete once the leg is closed."""

    def sound(self) -> Sound:
        """What the media process counted so far."""

    def symptoms(self) -> Symptoms:
        """For the diagnosis while the call runs."""

    async def close(self) -> None:
        """Give the line back. Nothing of the leg is left after this."""
