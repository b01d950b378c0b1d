"""As whom a peer knows us: what Via and Contact say on each way out."""

from collections.abc import Callable
from dataclasses import replace

from gateway.sip.grammar import Params
from gateway.sip.headers import NameAddr, Via
from gateway.sip.message import COOKIE, Request
from gateway.sip.routing import Address, Hop
from gateway.sip.uri import Uri

SentBy = Callable[[str, str], Address]


class Addressing:
    """``sent_by(host, transport)`` says as whom (host, port) that peer knows us."""

    def __init__(self, sent_by: SentBy, user_agent: str, token: Callable[[], str]) -> None:
        self._sent_by = sent_by
        self._user_agent = user_agent
        self._token = token

    def host_for(self, hop: Hop) -> str:
        return self._sent_by(hop.address[0], hop.transport)[0]

    def contact(self, user: str, hop: Hop, *, secure: bool = False) -> str:
        """Where that peer reaches us; ``secure`` in a dialog begun by a sips URI (12.1.1)."""
        host, port = self._sent_by(hop.address[0], hop.transport)
        uri = Uri.sip(user, host, port, "udp" if secure else hop.transport)
        return f"<{replace(uri, scheme='sips') if secure else uri}>"

    def write(self, request: Request, hop: Hop) -> None:
        """Our Via on top, and who we are; also of a request that was sent elsewhere before."""
        if hop.name not in ("", hop.address[0]) and (ours := request.contact) is not None:
            # Written before DNS said how, and so from where, the peer is reached.
            contact = self.contact(ours.uri.user, hop, secure=ours.uri.scheme == "sips")
            moved = replace(ours, uri=NameAddr.parse(contact, "Contact").uri)
            request.headers.replace_top("Contact", str(moved))
        via = str(self._via(hop))
        if "Via" in request.headers:
            request.headers.replace_top("Via", via)
        else:
            request.headers.add("Via", via, at_top=True)
            request.headers.take("User-Agent", self._user_agent)

    def _via(self, hop: Hop) -> Via:
        host, port = self._sent_by(hop.address[0], hop.transport)
        params: Params = (("rport", None), ("branch", f"{COOKIE}{self._token()}"))
        if hop.transport in ("tcp", "tls"):  # requests may come back by this connection: RFC 5923
            params = (*params, ("alias", None))
        return Via(hop.transport.upper(), f"[{host}]" if ":" in host else host, port, params)
