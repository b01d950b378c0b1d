"""The life of a call, as one table (RFC 3261 sections 9, 13 and 15).

Inputs: the owner's verbs; ``peer-*`` for requests; ``got-*`` for responses to our INVITE;
``again`` when its refusal makes us try once more; ``minute``, ``unpracked``, ``unacked`` and
``give-up`` for time; ``lost`` when the peer denies the dialog. An input that a state does not
list came too late and is ignored there. Actions are the methods of ``Usage``, without their
leading underscore.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.sip.events import SessionEvent
from gateway.sip.exchange import Exchange
from gateway.sip.message import Request, Response
from gateway.sip.routing import Hop


class State(Enum):
    OFFERED = "offered"  # an INVITE came; it was told 100
    RINGING = "ringing"  # it was told more
    ANSWERED = "answered"  # it was told 200; no ACK yet
    CLOSING = "closing"  # the same, and it shall end: BYE may only follow the ACK (section 15)
    CALLING = "calling"  # our INVITE is out
    PROCEEDING = "proceeding"  # a 1xx came
    ASKED = "asked"  # a 2xx came with the peer's offer; the ACK waits for our answer
    QUITTING = "quitting"  # to be cancelled, as soon as a 1xx allows it (section 9.1)
    CANCELLING = "cancelling"  # CANCEL is out
    UP = "up"
    ENDING = "ending"  # our BYE is out
    ENDED = "ended"


O, R, A, L, C, P, Q, W, X, U, E, Z = (  # noqa: E741
    State.OFFERED, State.RINGING, State.ANSWERED, State.CLOSING, State.CALLING, State.PROCEEDING,
    State.ASKED, State.QUITTING, State.CANCELLING, State.UP, State.ENDING, State.ENDED,
)  # fmt: skip

LIFE: dict[tuple[State, str], tuple[State, str]] = {
    # server
    (O, "ring"):        (R, "ring_out watch_minute"),
    (R, "ring"):        (R, "ring_out watch_minute"),
    (R, "minute"):      (R, "ring_on watch_minute"),
    (O, "answer"):      (A, "respond watch_ack replace"),
    (R, "answer"):      (A, "respond watch_ack replace"),
    (O, "refuse"):      (Z, "respond tell over"),
    (R, "refuse"):      (Z, "respond tell over"),
    (R, "unpracked"):   (Z, "respond tell over"),
    (O, "peer-cancel"): (Z, "terminate tell over"),
    (R, "peer-cancel"): (Z, "terminate tell over"),
    (O, "peer-bye"):    (Z, "accept_bye terminate tell over"),
    (R, "peer-bye"):    (Z, "accept_bye terminate tell over"),
    (A, "peer-ack"):    (U, "tell renew"),
    (A, "unacked"):     (E, "tell bye"),
    (A, "end"):         (L, "tell"),
    (A, "peer-bye"):    (Z, "accept_bye tell over"),
    (L, "peer-ack"):   (E, "bye"),
    (L, "unacked"):    (E, "bye"),
    (L, "peer-bye"):   (Z, "accept_bye over"),
    # client
    (C, "got-1xx"):     (P, "tell"),
    (P, "got-1xx"):     (P, "tell"),
    (P, "answer"):      (P, "answer_early"),
    (C, "again"):       (C, "send_again"),
    (P, "again"):       (C, "send_again"),
    (C, "got-2xx"):     (U, "ack tell renew"),
    (P, "got-2xx"):     (U, "ack tell renew"),
    (C, "got-offer"):   (Q, "tell"),
    (P, "got-offer"):   (Q, "tell"),
    (Q, "answer"):      (U, "ack renew"),
    (Q, "end"):         (E, "ack tell bye"),
    (Q, "peer-bye"):    (Z, "ack accept_bye tell over"),
    (C, "got-error"):   (Z, "tell over"),
    (P, "got-error"):   (Z, "tell over"),
    (C, "end"):         (W, "tell"),
    (P, "end"):         (X, "cancel tell watch_cancel"),
    (W, "got-1xx"):     (X, "cancel watch_cancel"),
    (W, "got-2xx"):     (E, "ack bye"),
    (W, "got-offer"):   (E, "ack bye"),
    (W, "got-error"):   (Z, "over"),
    (X, "got-2xx"):     (E, "ack bye"),
    (X, "got-offer"):   (E, "ack bye"),
    (X, "got-error"):   (Z, "over"),
    (X, "give-up"):     (Z, "abandon over"),
    # both
    (U, "end"):         (E, "tell bye"),
    (U, "lost"):        (E, "tell bye"),
    (U, "peer-bye"):    (Z, "accept_bye tell over"),
    (E, "peer-bye"):    (E, "accept_bye"),
    (E, "bye-done"):    (Z, "over"),
}  # fmt: skip


@dataclass(slots=True)
class Cue:
    """What an input brings along for its actions."""

    event: SessionEvent | None = None
    response: Response | None = None
    exchange: Exchange | None = None
    sdp: bytes | None = None
    again: tuple[Request, Hop] | None = None
