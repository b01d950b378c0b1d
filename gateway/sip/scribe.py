"""What a session writes: its requests and responses, and the headers that all of them carry."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gateway.sip.dialog import Dialog
from gateway.sip.exchange import Exchange
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.inspection import ACCEPT, ALLOW, SUPPORTED, Objection, description
from gateway.sip.message import Message, Request, Response
from gateway.sip.retries import CREDENTIALS, again
from gateway.sip.routing import Hop, Sent, behind_nat, request_hop

if TYPE_CHECKING:
    from gateway.sip.usage import Usage

Pairs = Sequence[tuple[str, str]]


class Scribe:
    def __init__(self, session: "Usage") -> None:
        self._session = session
        self._invite: Request | None = None  # the last within the dialog

    def respond(
        self, status: int, phrase: str = "", *, sdp: bytes | None = None, extra: Pairs = ()
    ) -> Response:
        """A response to the INVITE that the session began with."""
        session = self._session
        response = session.request.reply(status, phrase, session.key[1])
        if 100 < status < 300:  # section 12.1.1: these make a dialog, so the route is recorded
            for value in session.request.headers.all("Record-Route"):
                response.headers.take("Record-Route", value)
        self.dress(response, sdp, extra)
        return response

    def dress(self, response: Response, sdp: bytes | None = None, extra: Pairs = ()) -> None:
        """What a response within a dialog carries beside the copied headers."""
        if response.status < 300:
            response.headers.take("Contact", self.contact())
            response.headers.take("Allow", ALLOW)
            response.headers.take("Supported", SUPPORTED)
        for name, value in extra:
            response.headers.add(name, value)
        describe(response, sdp)

    def introduce(self, invite: Request) -> None:
        """What an INVITE of ours says of us, where its owner did not say it."""
        for name, value in (("Allow", ALLOW), ("Supported", SUPPORTED)):
            if name not in invite.headers:
                invite.headers.take(name, value)
        self._session.refresh.ask(invite.headers)

    def request(self, method: str, sdp: bytes | None = None) -> Request:
        """A request within the dialog; INVITE, UPDATE, REFER and SUBSCRIBE may move our end of it
        (their Contact is the new target), the first two are refreshes of the session as well."""
        request = self._dialog.request(method)
        if method in ("INVITE", "UPDATE"):
            self.introduce(request)
        if method in ("INVITE", "UPDATE", "REFER", "NOTIFY"):
            request.headers.take("Contact", self.contact())
        describe(request, sdp)
        return request

    def contact(self) -> str:
        session = self._session
        user = session.request.user if session.role == "server" else session.request.from_.uri.user
        secure = session.request.uri.scheme == "sips"
        return session.stack.contact(user, session.hop, secure=secure)

    def send(
        self, request: Request, listener: Callable[[object], None], dialog: Dialog | None = None
    ) -> Exchange:
        """A request within the dialog, to where the peer can be reached."""
        session, dialog = self._session, dialog or self._dialog
        session.session_id.mark(request)
        authorize = session.authorizer.begin() if session.authorizer else None
        if session.authorizer:
            session.authorizer.write(request)

        def ask(request: Request) -> Exchange:
            if request.method == "INVITE":
                self._invite = request
            return session.stack.request(request, self._hop(dialog), heard)

        def heard(result: object) -> None:
            if isinstance(result, Response):
                session.session_id.hear(result)
                if authorize and result.status in (401, 407):
                    anew = again(exchange.latest.request, number=dialog.local_cseq + 1, without=())
                    if authorize(anew, result):
                        dialog.local_cseq += 1
                        exchange.latest.again = ask(anew)
                        return
            listener(result)

        exchange = ask(request)
        return exchange

    def ack(self, cseq: int, sdp: bytes | None = None, dialog: Dialog | None = None) -> Sent:
        """Send the ACK of a 2xx; what was sent, to repeat."""
        dialog = dialog or self._dialog
        ack = dialog.request("ACK", cseq=cseq)
        describe(ack, sdp)
        for invite in (self._session.request, self._invite):  # section 13.2.2.4: its credentials
            if self._session.authorizer and invite and invite.cseq.number == cseq:
                for name in CREDENTIALS:
                    for value in invite.headers.all(name):
                        ack.headers.take(name, value)
                break
        self._session.session_id.mark(ack)
        return self._session.stack.send_ack(ack, self._hop(dialog))

    def read(self, message: Message) -> bytes | None:
        """The description in what the peer sent, where a body of another kind does no harm."""
        try:
            return description(message)
        except (Objection, SipSyntaxError) as problem:
            self._session.stack.note("ignored body", sip_call_id=self._session.id, why=str(problem))
            return None

    @property
    def _dialog(self) -> Dialog:
        """The one that requests are sent in: an early one only before there is another."""
        session = self._session
        early = session.branches.current
        dialog = session.dialog or (early.dialog if early else None)
        assert dialog is not None
        return dialog

    def _hop(self, dialog: Dialog) -> Hop:
        hop = request_hop(dialog.next_hop)
        return hop if dialog.routes else behind_nat(hop, self._session.hop)


def describe(message: Message, sdp: bytes | None) -> None:
    if sdp is not None:
        message.headers.take("Content-Type", ACCEPT)
        message.body = sdp
