"""A call that is up, written down for the process that comes after this one.

Only what is at rest can be kept: an offer or a transfer under way belongs to transactions, which
end with their process. Times are those of the monotonic clock, which outlives it.
"""

from typing import TYPE_CHECKING, Any

from gateway.sip.dialog import Dialog
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.life import State
from gateway.sip.message import Request, parse
from gateway.sip.policy import Policy
from gateway.sip.referee import Asked
from gateway.sip.referrer import Asking
from gateway.sip.reoffer import Stage
from gateway.sip.routing import Hop
from gateway.sip.session import Session
from gateway.sip.uri import Uri

if TYPE_CHECKING:
    from gateway.sip.stack import Stack

Plain = dict[str, Any]  # as JSON has it


def write(session: Session) -> Plain | None:
    """None if this session cannot be kept now."""
    referring = session.referrer.stage is not Asking.IDLE or session.referee.stage is not Asked.IDLE
    if not session.up or session.reoffer.stage is not Stage.IDLE or referring:
        return None
    assert session.dialog is not None
    return {
        "role": session.role,
        "tag": session.key[1],
        "invite": bytes(session.request).decode("latin-1"),
        "hop": [*session.hop.address, session.hop.transport, session.hop.name],
        "uri": str(session.hop.uri) if session.hop.uri else None,
        "dialog": session.dialog.write(),
        "said": session.said.decode("latin-1") if session.said is not None else None,
        "session_id": [session.session_id.ours, session.session_id.theirs],
        "peer": {
            "allow": None if session.peer.allow is None else sorted(session.peer.allow),
            "supported": sorted(session.peer.supported),
        },
        "refresh": session.refresh.write(),
    }


def read(stack: "Stack", plain: Plain, policy: Policy) -> Session:
    """The session again, known to this stack; its owner is to listen to it. Raises ValueError if
    ``plain`` is nothing that ``write`` wrote."""
    try:
        request = parse(plain["invite"].encode("latin-1"))
        if not isinstance(request, Request):
            raise TypeError("its INVITE is a response")
        host, port, transport, name = plain["hop"]
        uri = Uri.parse(plain["uri"]) if plain["uri"] else None
        hop = Hop((host, port), transport, name, uri)
        session = Session(stack, plain["role"], request, hop, plain["tag"], policy)
        session.state, session.settled = State.UP, True
        session.dialog = Dialog.read(plain["dialog"])
        session.said = plain["said"].encode("latin-1") if plain["said"] is not None else None
        session.session_id.ours, session.session_id.theirs = plain["session_id"]
        allow = plain["peer"]["allow"]
        session.peer.allow = None if allow is None else frozenset(allow)
        session.peer.supported = frozenset(plain["peer"]["supported"])
        session.refresh.read(plain["refresh"])
    except (KeyError, TypeError, AttributeError, SipSyntaxError) as error:
        raise ValueError(f"not a session that was written down: {error!r}") from error
    stack.sessions[session.key] = session
    stack.watch(session)
    return session
