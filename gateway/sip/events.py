"""What a session tells its owner. The last event of each is Refused, Cancelled or Ended."""

from dataclasses import dataclass
from typing import Literal

from gateway.sip.message import Response


@dataclass(frozen=True, slots=True)
class Ringing:
    """The peer we called answered 101 to 199; ``sdp`` is early media (183), if there is any."""

    status: int
    sdp: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The peer we called accepted. ``sdp`` is its answer; after an INVITE without an offer it is
    the peer's offer, and our answer is due by ``Session.answer``."""

    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Acked:
    """Our 200 arrived. ``sdp`` is the peer's answer if the offer was ours (delayed offer)."""

    sdp: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The INVITE did not become a call. ``response`` is the peer's, if it was the peer."""

    status: int
    phrase: str
    by: Literal["peer", "us", "timeout", "network"]
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before we answered; ``cause`` and ``detail`` from its Reason header."""

    cause: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reoffered:
    """The peer wants to change the sound: to be answered by ``accept_reoffer`` or
    ``refuse_reoffer``. ``sdp`` None asks for an offer of ours."""

    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReofferAnswered:
    """How our re-INVITE went: the peer's answer (None: it gave none), or the status of its
    refusal, upon which everything stays as it was."""

    result: bytes | int | None


@dataclass(frozen=True, slots=True)
class InfoReceived:
    content_type: str  # lower case, without parameters
    body: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that was up, or that we gave up, is over. ``cause`` is Q.850's, where one is known."""

    by: Literal["peer", "us", "timeout"]
    status: int | None = None
    cause: int | None = None
    detail: str = ""


SessionEvent = (
    Ringing
    | Answered
    | Acked
    | Refused
    | Cancelled
    | Reoffered
    | ReofferAnswered
    | InfoReceived
    | Ended
)


@dataclass(frozen=True, slots=True)
class Note:
    """Something the operator may want to read: a refusal and why, a message that was dropped."""

    what: str
    facts: dict[str, object]
