"""The INVITE that a call of ours begins with (RFC 3261 section 13.2.1), before its offer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import Headers, NameAddr
from gateway.sip.message import Request
from gateway.sip.resolution import transport_of
from gateway.sip.routing import TRANSPORTS, Hop, request_hop
from gateway.sip.uri import Uri

if TYPE_CHECKING:
    from gateway.sip.stack import Stack


def invitation(
    stack: "Stack",
    target: str,
    *,
    from_uri: str,
    from_name: str,
    headers: Sequence[tuple[str, str]],
    hop: Hop | None,
) -> tuple[Request, Hop]:
    """The request and where it goes; as ``Stack.invite`` says. Raises SipSyntaxError."""
    uri = Uri.parse(target.strip(), "target")
    if uri.scheme not in ("sip", "sips"):
        raise SipSyntaxError("target", f"{uri.scheme} URIs cannot be called", 416)
    extra = Headers(headers)
    routes = extra.values("Route")
    hop = hop or request_hop(NameAddr.parse(routes[0], "Route").uri if routes else uri)
    asked = transport_of(hop.uri or uri) or hop.transport
    if asked not in TRANSPORTS:
        raise SipSyntaxError("target", f"nothing is sent over {asked} here", 416)
    sender = Uri.parse(from_uri.strip(), "from_uri") if from_uri else None
    tag = stack.token()
    if sender is None:
        sender = Uri.sip("trunkline", stack.host_for(hop))
    common = Headers([
        ("Max-Forwards", "70"),
        ("From", str(NameAddr(sender, from_name).with_tag(tag))),
        ("To", f"<{uri}>"),
        ("Call-ID", f"{stack.token()}{stack.token()}"),
        ("CSeq", f"{stack.rng.randrange(1, 10_000)} INVITE"),
        ("Contact", stack.contact(sender.user, hop, secure=uri.scheme == "sips")),
        *extra,
    ])  # fmt: skip
    return Request(method="INVITE", target=str(uri), headers=common), hop
