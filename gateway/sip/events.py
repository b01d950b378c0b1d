"""What a session tells its owner. The last event of each is Refused, Cancelled or Ended."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gateway.sip.message import Response
from gateway.sip.replaces import Replaces

if TYPE_CHECKING:
    from gateway.sip.usage import Usage


@dataclass(frozen=True, slots=True)
class Ringing:
    """The peer we called answered 101 to 199; ``sdp`` is early media (183), if there is any.

    ``branch`` tells the phones of a forked call apart. If our INVITE had no offer, ``sdp`` is the
    peer's, and our answer is due by ``Session.answer``.
    """

    status: int
    sdp: bytes | None = None
    branch: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """The peer we called accepted. ``sdp`` is its answer; after an INVITE without an offer it is
    the peer's offer, and our answer is due by ``Session.answer``."""

    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Pracked:
    """Our 1xx arrived (RFC 3262). ``sdp`` is the peer's answer, if the offer was in that 1xx."""

    sdp: bytes | None = None


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
    """How our re-INVITE or UPDATE went: the peer's answer (None: it gave none), or the status
    of its refusal, upon which everything stays as it was."""

    result: bytes | int | None


@dataclass(frozen=True, slots=True)
class InfoReceived:
    content_type: str  # lower case, without parameters
    body: bytes


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A text within the call (RFC 3428)."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Referred:
    """The peer wants us to call somebody (RFC 3515): to be answered by ``accept_refer``, and then
    ``report_refer``, or by ``refuse_refer``. ``refer_to`` is the URI as it came; ``replaces`` the
    dialog there that the new call shall take over (attended transfer)."""

    refer_to: str
    replaces: Replaces | None = None
    referred_by: str | None = None  # the header, whole (RFC 3892)


@dataclass(frozen=True, slots=True)
class ReferAccepted:
    """The peer took our REFER. How the transfer goes is told by what follows."""


@dataclass(frozen=True, slots=True)
class ReferProgress:
    status: int
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class ReferDone:
    """Whom we referred the peer to answered it."""

    status: int


@dataclass(frozen=True, slots=True)
class ReferFailed:
    """The transfer came to nothing, or nobody told how it ended. ``status`` is that of the REFER,
    or of the call it was to lead to; 408 if no NOTIFY came; None if none is known."""

    status: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Replaced:
    """``by`` takes the place of this session (RFC 3891), which ends now."""

    by: "Usage"


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
    | Pracked
    | Acked
    | Refused
    | Cancelled
    | Reoffered
    | ReofferAnswered
    | InfoReceived
    | MessageReceived
    | Referred
    | ReferAccepted
    | ReferProgress
    | ReferDone
    | ReferFailed
    | Replaced
    | Ended
)

LAST = (Refused, Cancelled, Ended)


@dataclass(frozen=True, slots=True)
class Note:
    """Something the operator may want to read: a refusal and why, a message that was dropped."""

    what: str
    facts: dict[str, object]
