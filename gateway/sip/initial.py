"""Requests outside of any dialog, and what becomes of each."""

from typing import TYPE_CHECKING

from gateway.sip import refresh
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import METHODS, Objection, capabilities
from gateway.sip.life import State
from gateway.sip.message import Request
from gateway.sip.peer import tags
from gateway.sip.policy import Policy
from gateway.sip.replaces import Replaces
from gateway.sip.session import Session

if TYPE_CHECKING:
    from gateway.sip.stack import Stack


def take(stack: "Stack", exchange: Exchange) -> Session | None:
    """Answer the request, or make a session of it. Raises the Objection it is refused with."""
    request = exchange.request
    match request.method:
        case "INVITE":
            return _invite(stack, exchange)
        case method if method in stack.serves:
            stack.serves[method](exchange)
        case "OPTIONS":
            stack.respond(exchange, capabilities(request, exchange.tag))
        case "MESSAGE":
            others = ", ".join(method for method in METHODS if method != "MESSAGE")
            raise Objection(405, "MESSAGE is taken within a call only", (("Allow", others),))
        case "REFER":
            raise Objection(403, "Transfers are taken within a call only")
        case "SUBSCRIBE":
            detail = "Nothing can be subscribed to here"
            raise Objection(489, detail, (("Allow-Events", "refer"),))
        case _:
            raise Objection(481, f"{request.method} belongs to a dialog, and names none")
    return None


def _invite(stack: "Stack", exchange: Exchange) -> Session:
    request = exchange.request
    policy = stack.policy_for(request, exchange.seen)
    refresh.check(request, policy)
    if policy.reliable == "never" and "100rel" in tags(request, "Require"):
        detail = "Bad extension: 100rel cannot be required here"
        raise Objection(420, detail, (("Unsupported", "100rel"),))
    other = _replaced(stack, request, policy)
    session = Session.as_server(stack, exchange, policy)
    session.replaces = other
    return session


def _replaced(stack: "Stack", request: Request, policy: Policy) -> Session | None:
    """Whom an INVITE wants to replace (RFC 3891 section 3)."""
    values = request.headers.values("Replaces")
    if not values:
        return None
    if len(values) > 1:
        raise Objection(400, "Replaces: is there more than once")
    wanted = Replaces.parse(values[0])
    if not policy.replace:
        raise Objection(603, "Calls are not taken over from here (Replaces)")
    key = (wanted.call_id, wanted.to_tag)
    session = stack.sessions.get(key)
    if session is None or not session.knows(wanted.from_tag):
        if stack.has_ended(key):
            raise Objection(603, "The call to be replaced has ended")
        raise Objection(481, "There is no such call to be replaced")
    match session.state:
        case State.UP | State.ANSWERED if wanted.early_only:
            raise Objection(486, "The call to be replaced has been answered (early-only)")
        case State.UP | State.ANSWERED | State.PROCEEDING:  # the last: ours, and ringing there
            return session
        case State.OFFERED | State.RINGING | State.ASKED:
            raise Objection(481, "A call that rings here cannot be replaced")
        case _:
            raise Objection(603, "The call to be replaced is ending")
