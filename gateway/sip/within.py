"""Requests that a peer sends within a dialog (RFC 3261 section 12.2.2)."""

from typing import TYPE_CHECKING

from gateway.sip import refresh
from gateway.sip.dialog import Dialog
from gateway.sip.events import Cancelled, Ended, InfoReceived, MessageReceived, SessionEvent
from gateway.sip.exchange import Exchange
from gateway.sip.headers import best_reason
from gateway.sip.info_digits import NoKey, info_digit
from gateway.sip.inspection import ALLOW, Objection, capabilities, content_type, description
from gateway.sip.life import LIFE, Cue, State

if TYPE_CHECKING:
    from gateway.sip.usage import Usage


def take(session: "Usage", exchange: Exchange) -> None:
    """Do what the request asks, or raise the Objection it is refused with."""
    request, stack = exchange.request, session.stack
    dialog = session.dialog_with(request.from_.tag)
    if dialog is None or session.over:
        raise Objection(481, "No such dialog: it has ended, or it never was")
    last = dialog.remote_cseq
    if not dialog.admits(request):
        raise Objection(500, f"Out of order: CSeq {request.cseq.number} after {last}")
    session.session_id.hear(request)
    if session.state in (State.ENDING, State.CLOSING) and request.method not in ("BYE", "NOTIFY"):
        raise Objection(481, "This dialog is ending")
    match request.method:
        case "BYE":
            _bye(session, exchange)
        case "INVITE":
            refresh.check(request, session.policy)
            _invite(session, exchange)
        case "UPDATE":
            refresh.check(request, session.policy)
            _update(session, dialog, exchange)
        case "PRACK":
            session.rings.pracked(exchange)
        case "INFO":
            _info(session, exchange)
        case "MESSAGE":
            stack.respond(exchange, request.reply(200))
            session.tell(MessageReceived(content_type(request), request.body))
        case "OPTIONS":
            stack.respond(exchange, capabilities(request, exchange.tag))
        case "REFER" if session.up:
            session.referee.asked(exchange)
        case "SUBSCRIBE":
            session.referee.subscribed(exchange)
        case "NOTIFY":
            session.referrer.notified(exchange)
        case "REFER":
            raise Objection(481, "A call can be transferred once it is up")
        case _:
            raise Objection(405, f"{request.method} is not allowed here", (("Allow", ALLOW),))


def _bye(session: "Usage", exchange: Exchange) -> None:
    if (session.state, "peer-bye") not in LIFE:
        raise Objection(481, "This dialog has not begun")
    session.reoffer.drop()
    reason = best_reason(exchange.request.headers)
    event: SessionEvent = Ended("peer", None, reason.cause, reason.text)
    if session.state in (State.OFFERED, State.RINGING):
        event = Cancelled(reason.cause, reason.text)
    session.step("peer-bye", Cue(event, exchange=exchange))


def _invite(session: "Usage", exchange: Exchange) -> None:
    if session.up:
        session.reoffer.invited(exchange)
    elif session.state in (State.OFFERED, State.RINGING):  # section 14.2
        raise _later(session, "The first INVITE is still unanswered")
    elif session.state in (State.ANSWERED, State.ASKED):
        raise Objection(491, "Request pending: a 200 still waits for its ACK")
    else:
        raise Objection(481, "This dialog is ending")


def _update(session: "Usage", dialog: Dialog, exchange: Exchange) -> None:
    """RFC 3311 section 5.2: without an offer always; with one, if no other is under way."""
    if description(exchange.request) is None:
        dialog.refresh(exchange.request)
        session.peer.learn(exchange.request)
        response = exchange.request.reply(200)
        session.refresh.answer(exchange.request, response)
        session.scribe.dress(response)
        session.stack.respond(exchange, response)
        return
    early = session.branches.early.get(exchange.request.from_.tag)
    if session.settled or (early is not None and early.settled):
        session.reoffer.updated(exchange)
    elif session.role == "server" and session.offer is not None:
        raise _later(session, "The INVITE's offer is still unanswered")
    else:
        raise Objection(491, "Request pending: our own offer is still unanswered (glare)")


def _info(session: "Usage", exchange: Exchange) -> None:
    """RFC 6086 section 4.2.2; what has no package is the old usage, which digits come by."""
    package = exchange.request.headers.get("Info-Package")
    if package is not None:
        raise Objection(469, f"Bad Info Package: {package} is not known", (("Recv-Info", ""),))
    kind, body = content_type(exchange.request), exchange.request.body
    try:
        info_digit(kind, body)
    except NoKey as error:
        raise Objection(400, str(error)) from None
    session.stack.respond(exchange, exchange.request.reply(200))
    session.tell(InfoReceived(kind, body))


def _later(session: "Usage", why: str) -> Objection:
    return Objection(500, why, (("Retry-After", str(session.stack.rng.randrange(11))),))
