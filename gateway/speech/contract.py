"""What a vendor does for a call: hear, think, speak. The pipeline knows nothing else of it.

Sound is int16 little-endian mono at 16 kHz (``RATE``), whatever the vendor itself speaks. All
three raise :class:`gateway.errors.VendorError` and nothing else when the vendor fails; the
caller decides whether to try again. All three are per call: nothing of one call is visible in
another, and ``close`` leaves no task and no socket behind, however the call ended.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self, cast

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Heard:
    """Words a transcriber recognised.

    ``final`` words will not change; until then each ``Heard`` replaces the one before it.
    ``ended`` is the transcriber's own opinion that the caller's turn is over; ``eager`` is its
    guess that it may be, on words that may still go on. ``confidence`` is 0 to 1; ``text`` may be
    empty when speech was heard but no words were. ``assumed``: the transcriber has not even said
    so; it was silent.
    """

    text: str
    final: bool = False
    ended: bool = False
    confidence: float = 1.0
    eager: bool = False
    assumed: bool = False


class Hearing(Protocol):
    """One call's speech recognition."""

    vendor: str

    async def open(self) -> None:
        """Dial the vendor; returns once it listens."""

    def hear(self, pcm: bytes) -> None:
        """One or more 20 ms frames of the caller, in order, silence included. Never blocks."""

    def onset(self) -> None:
        """The voice activity detector says that speech began (within the sound given last)."""

    def offset(self) -> None:
        """And that it has stopped: a transcriber that waits for a hint finishes its utterance.

        For each onset at least one final ``Heard`` comes, with empty text if there were no words.
        """

    def expect(self, phrases: Sequence[str]) -> None:
        """What the dialogue expects next (embedded recogniser's grammar); others ignore it.

        ``<digits>`` among the phrases stands for any spoken digits.
        """

    def events(self) -> AsyncIterator[Heard]:
        """Words as they come, until ``close`` or a VendorError."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Message:
    """One entry of the conversation, as chat models know it.

    A user's empty ``content`` is speech that was not understood. Keys the caller pressed are a
    user's message that is nothing but them, or them after a colon: ``User's Keypad Entry: 12#``.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple["Called", ...] = ()
    tool_call_id: str = ""

    @classmethod
    def of(cls, written: Mapping[str, str], content: str) -> Self:
        """One of an assistant's plans, whose role the API has checked; and what it says now."""
        return cls(cast(Literal["system", "user", "assistant"], written["role"]), content)


@dataclass(frozen=True)
class Tool:
    """Something the model may call: ``parameters`` is a JSON schema, which a ``strict`` tool's
    arguments are held to by the vendor."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the reply's text, as the model streams it."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A whole tool call; ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is complete. Token counts are 0 where the vendor gives none."""

    reason: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0  # of those in, which most vendors sell for less


Delta = Said | Called | Finished


class Thinking(Protocol):
    """One call's language model."""

    vendor: str

    async def open(self) -> None:
        """Make the connection warm, if that is possible; never fails."""

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncIterator[Delta]:
        """Stream the next assistant message; closing the iterator cancels the request.

        Tool calls come whole, after the text, when the reply is known to be complete: a reply
        that broke off has called nothing.
        """

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        """Phrases the dialogue expects from the caller now; empty where anything may come."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Mark:
    """Of the text being spoken, the first ``part`` (0 to 1) is said in the first ``at_s`` of its
    sound."""

    part: float
    at_s: float


class Speaking(Protocol):
    """One call's voice.

    ``tags`` are the names of the tags in angle brackets that it understands; text with any other
    is not for it.
    """

    vendor: str

    @property
    def tags(self) -> Collection[str]: ...

    async def open(self) -> None:
        """Make the connection warm, if that is possible; never fails."""

    def speak(self, text: str) -> AsyncIterator[bytes | Mark]:
        """The sound of one sentence, in pieces of any even size; closing the iterator cancels.

        A voice that knows when it says what tells it by marks, each before the sound it is about.
        """

    async def close(self) -> None: ...
