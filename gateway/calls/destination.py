"""Where a call may be transferred to, and how: plain data, made by the API."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from gateway.agent.plain import Plain

# How the party that is reached meets the caller.
Meeting = Literal[
    "blind",  # at once
    "told",  # after it has been told why
    "greets",  # the same, but it has spoken first: somebody is there
    "accepts",  # and it has pressed 1 to take the call
]


class Destination(Plain):
    """``verb``: the caller's own side is asked to call there (refer), or just let go (bye), or we
    call there and stay in the path (dial). Where the meeting is not blind, we call there first,
    and ``refer`` then has the caller's side take the place of our call (RFC 3891)."""

    name: str  # as the model says it, and as it is told of the outcome
    target: str = ""  # a URI as given, or a number
    assistant: str = ""  # another agent instead
    verb: Literal["refer", "bye", "dial"] = "refer"
    meeting: Meeting = "blind"
    caller: str = ""  # whom the call is from, if not from us
    extension: str = ""  # keys to dial once it is answered
    headers: tuple[tuple[str, str], ...] = ()
    headers_in_uri: bool = False  # of the REFER: in its Refer-To
    announcement: str = ""  # to the caller, before anything is done
    message: str = ""  # to the party that is reached; Liquid
    summary: bool = False  # a summary of the conversation instead, or in a header
    summary_prompt: tuple[dict[str, str], ...] = ()
    ring_s: float = 60.0
    patience_s: float = 60.0  # for its first words, or its key
    music: str = "hold"  # a sound's name or URL, for the caller who waits
    chime: str = ""  # a URL: to both, when they are connected
    apology: str = ""  # to the caller, if it fails
    end_on_failure: bool = False  # hang up after that
    papers: dict[str, Any] = Field(default_factory=dict)  # the API's own JSON of it

    def filled(self, fill: Callable[[str], str]) -> "Destination":
        """With the call's variables in it; what is said to somebody, the agent fills."""
        return self.model_copy(
            update={
                "target": fill(self.target),
                "caller": fill(self.caller),
                "extension": fill(self.extension),
                "headers": tuple((name, fill(value)) for name, value in self.headers),
            }
        )


class Attempted(Plain):
    """A transfer, as the call's record has it."""

    to: str
    verb: str
    meeting: str
    outcome: str  # a value of ``outcomes.OUTCOMES``
    status: int | None = None  # SIP
    detail: str = ""
    papers: dict[str, Any] = Field(default_factory=dict)
