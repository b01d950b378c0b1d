"""Which transaction a message belongs to (RFC 3261 section 17.2.3), and the requests that
are made after another: the ACK of a refusal, and CANCEL.
"""

from gateway.sip.exchange import Key
from gateway.sip.headers import Headers
from gateway.sip.message import COOKIE, Request, Response
from gateway.sip.session_id import within_transaction


def server_key(request: Request, method: str = "") -> Key:
    """The key of a request's transaction. An ACK has its INVITE's; a CANCEL asks by ``method``."""
    via = request.via
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    if via.branch.startswith(COOKIE) and via.branch != COOKIE:
        return (via.branch, f"{via.host.lower()}:{via.port or ''}", method)
    # An RFC 2543 peer: its branches promise nothing, so the whole request has to match. Its
    # ACK carries the tag of our response, so To cannot be part of an INVITE's key.
    tag = "" if method == "INVITE" else request.to.tag
    number = str(request.cseq.number)
    return (request.target, tag, request.from_.tag, request.call_id, number, str(via), method)


def merged_key(request: Request) -> Key:
    """What two copies of a request share that came by different ways (section 8.2.2.2)."""
    return (request.from_.tag, request.call_id, str(request.cseq))


def ack_for(invite: Request, response: Response) -> Request:
    """The ACK for a final response that is not a 2xx (section 17.1.1.3)."""
    headers = Headers([("Via", invite.headers.values("Via")[0])])
    for value in invite.headers.all("Route"):
        headers.take("Route", value)
    headers.take("Max-Forwards", "70")
    headers.take("From", invite.headers.get("From") or "")
    headers.take("To", response.headers.get("To") or "")
    headers.take("Call-ID", invite.call_id)
    headers.take("CSeq", f"{invite.cseq.number} ACK")
    if (name := within_transaction(invite, response)) is not None:
        headers.take("Session-ID", name)
    return Request(method="ACK", target=invite.target, headers=headers)


def cancel_for(invite: Request) -> Request:
    """The CANCEL for an INVITE that is under way (section 9.1)."""
    headers = Headers([("Via", invite.headers.values("Via")[0])])
    for name in ("Route", "Max-Forwards", "From", "To", "Call-ID"):
        for value in invite.headers.all(name):
            headers.take(name, value)
    headers.take("CSeq", f"{invite.cseq.number} CANCEL")
    return Request(method="CANCEL", target=invite.target, headers=headers)
