"""Requests of ours that are worth sending again: with credentials, to where a 3xx points, or with
a longer timer."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from gateway.sip.credentials import Attempt
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import Headers, NameAddr
from gateway.sip.message import Request, Response
from gateway.sip.routing import TRANSPORTS, Hop, request_hop
from gateway.sip.uri import Uri

if TYPE_CHECKING:
    from gateway.sip.usage import Usage


CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Retries:
    def __init__(self, session: "Usage") -> None:
        self._session = session
        self._tried = {session.request.target}
        self._waiting: list[Uri] = []  # where else a 3xx pointed
        self._left = session.policy.redirects
        self._authorize: Attempt | None = None

    def after(self, response: Response) -> tuple[Request, Hop] | None:
        """The next INVITE after this refusal, or None if there is nothing to be tried."""
        session = self._session
        if response.status in (401, 407) and (found := self._authorized(response)):
            return found
        if response.status == 422 and session.refresh.raised(response):
            request = again(session.request)
            if session.authorizer is not None:
                session.authorizer.write(request)
            return request, session.hop
        if 300 <= response.status < 400:
            self._waiting[:0] = self._contacts(response)
        elif response.status >= 600:  # section 16.7: nobody anywhere will take it
            return None
        while self._waiting and self._left > 0:
            uri = self._waiting.pop(0)
            if str(uri) in self._tried:
                continue
            self._tried.add(str(uri))
            self._left -= 1
            hop = session.hop if "Route" in session.request.headers else request_hop(uri)
            request = again(session.request, str(uri))
            for name in CREDENTIALS:  # they were for who was called first
                request.headers.drop(name)
            self._authorize = None
            return request, hop
        return None

    def _authorized(self, challenge: Response) -> tuple[Request, Hop] | None:
        session = self._session
        if session.authorizer is None:
            return None
        self._authorize = self._authorize or session.authorizer.begin()
        request = again(session.request)
        return (request, session.hop) if self._authorize(request, challenge) else None

    def _contacts(self, response: Response) -> list[Uri]:
        """Section 8.1.3.4: by their q, those that may be called."""
        found = []
        try:
            for value in response.headers.values("Contact"):
                contact = NameAddr.parse(value, "Contact")
                if self._allowed(contact.uri):
                    found.append((_weight(contact.param("q")), contact.uri))
                else:
                    where = {"to": str(contact.uri), "sip_call_id": self._session.id}
                    self._session.stack.note("redirection not followed", **where)
        except SipSyntaxError as error:
            self._session.stack.note("redirection not understood", why=str(error))
        found.sort(key=lambda at: -at[0])
        return [uri for _, uri in found]

    def _allowed(self, uri: Uri) -> bool:
        called = self._session.request.uri
        if uri.scheme != called.scheme or uri.transport not in TRANSPORTS or uri.query is not None:
            return False  # what a redirection may not do is choose headers, or give up security
        may = self._session.policy.may_redirect
        return may(uri) if may is not None else uri.host.lower() == called.host.lower()


def again(
    request: Request,
    target: str = "",
    number: int = 0,
    without: Collection[str] = ("Session-Expires", "Min-SE"),
) -> Request:
    """The same request as a new one: without Via, with the next CSeq (section 8.1.3.5)."""
    headers = Headers()
    for name, value in request.headers:
        if name == "CSeq":
            value = f"{number or request.cseq.number + 1} {request.method}"
        if name not in ("Via", "User-Agent", *without):
            headers.take(name, value)
    target = target or request.target
    return Request(method=request.method, target=target, headers=headers, body=request.body)


def _weight(q: str | None) -> float:
    try:
        return float(q) if q else 1.0
    except ValueError:
        return 0.0
