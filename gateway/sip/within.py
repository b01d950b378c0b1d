"""Requests that a peer sends within a dialog (RFC 3261 section 12.2.2)."""

from typing import TYPE_CHECKING

from gateway.sip.events import Cancelled, Ended, InfoReceived, SessionEvent
from gateway.sip.exchange import Exchange
from gateway.sip.headers import best_reason
from gateway.sip.inspection import ALLOW, Objection, content_type
from gateway.sip.life import LIFE, Cue, State

if TYPE_CHECKING:
    from gateway.sip.session import Session


def take(session: "Session", exchange: Exchange) -> None:
    """Do what the request asks, or raise the Objection it is refused with."""
    request, dialog, stack = exchange.request, session.dialog, session.stack
    if dialog is None or request.from_.tag != dialog.remote_tag or session.over:
        raise Objection(481, "No such dialog: it has ended, or it never was")
    last = dialog.remote_cseq
    if not dialog.admits(request):
        raise Objection(500, f"Out of order: CSeq {request.cseq.number} after {last}")
    match request.method:
        case "BYE":
            _bye(session, exchange)
        case "INVITE":
            _invite(session, exchange)
        case "INFO":
            stack.respond(exchange, request.reply(200))
            session.tell(InfoReceived(content_type(request), request.body))
        case "OPTIONS":
            stack.respond(exchange, stack.capabilities(exchange))
        case _:
            raise Objection(405, f"{request.method} is not allowed here", (("Allow", ALLOW),))


def _bye(session: "Session", exchange: Exchange) -> None:
    if (session.state, "peer-bye") not in LIFE:
        raise Objection(481, "This dialog has not begun")
    session.reoffer.drop()
    reason = best_reason(exchange.request.headers)
    event: SessionEvent = Ended("peer", None, reason.cause, reason.text)
    if session.state in (State.OFFERED, State.RINGING):
        event = Cancelled(reason.cause, reason.text)
    session.step("peer-bye", Cue(event, exchange=exchange))


def _invite(session: "Session", exchange: Exchange) -> None:
    if session.up:
        session.reoffer.invited(exchange)
    elif session.state in (State.OFFERED, State.RINGING):  # section 14.2
        wait = (("Retry-After", str(session.stack.rng.randrange(11))),)
        raise Objection(500, "The first INVITE is still unanswered", wait)
    elif session.state in (State.ANSWERED, State.ASKED):
        raise Objection(491, "Request pending: a 200 still waits for its ACK")
    else:
        raise Objection(481, "This dialog is ending")
