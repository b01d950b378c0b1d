"""What comes back to an INVITE of ours, which a proxy may have forked to several phones.

Each phone has its To tag. The first that accepts gets the call; any other that accepts is told
ACK and BYE (RFC 3261 section 13.2.2.4). A 2xx that is repeated is told the same ACK again.
"""

from typing import TYPE_CHECKING, Literal

from gateway.sip.dialog import Dialog
from gateway.sip.events import Answered, Refused, Ringing
from gateway.sip.headers import Reason
from gateway.sip.life import Cue
from gateway.sip.message import Response
from gateway.sip.routing import Sent
from gateway.sip.transaction import Failed

if TYPE_CHECKING:
    from gateway.sip.session import Session


class Branches:
    def __init__(self, session: "Session") -> None:
        self._session = session
        self._previews: dict[str, bytes | None] = {}  # SDP of 1xx responses, by To tag
        self._acks: dict[str, Sent] = {}  # what each 2xx was told, by To tag
        self._accepted: Response | None = None  # the 2xx whose ACK has not been sent yet

    def result(self, result: object) -> None:
        """A response to the INVITE, or word that there will be none."""
        if isinstance(result, Failed):
            by: Literal["timeout", "network"] = "timeout" if result.status == 408 else "network"
            self._session.step("got-error", Cue(Refused(result.status, result.detail, by)))
        elif isinstance(result, Response):
            if result.status < 200:
                self._provisional(result)
            elif result.status < 300:
                self.accepted(result)
            else:
                event = Refused(result.status, result.reason, "peer", result)
                self._session.step("got-error", Cue(event))

    def accepted(self, response: Response) -> None:
        """A 2xx, also one that comes after its transaction is over."""
        session, tag = self._session, response.to.tag
        if session.dialog is None:
            self._first(response)
        elif response.cseq.number != session.request.cseq.number:
            return  # of some re-INVITE, long over
        elif tag in self._acks:
            session.stack.outbox.append(self._acks[tag])
        elif tag != session.dialog.remote_tag:
            self._refuse_fork(response)

    def acknowledge(self, sdp: bytes | None) -> None:
        response, self._accepted = self._accepted, None
        assert response is not None
        self._acks[response.to.tag] = self._session.scribe.ack(response.cseq.number, sdp)

    def _provisional(self, response: Response) -> None:
        event = None
        if response.status > 100:
            sdp = self._session.scribe.read(response)
            if sdp is not None:
                self._previews[response.to.tag] = sdp
            event = Ringing(response.status, sdp)
        self._session.step("got-1xx", Cue(event))

    def _first(self, response: Response) -> None:
        session = self._session
        session.dialog = Dialog.as_client(session.request, response)
        self._accepted = response
        sdp = session.scribe.read(response)
        if session.request.body:
            # The answer may have come before, as a preview in a 1xx (section 13.2.1).
            sdp = self._previews.get(response.to.tag) if sdp is None else sdp
            session.step("got-2xx", Cue(Answered(sdp)))
        else:
            session.step("got-offer", Cue(Answered(sdp)))

    def _refuse_fork(self, response: Response) -> None:
        session = self._session
        other = Dialog.as_client(session.request, response)
        self._acks[response.to.tag] = session.scribe.ack(response.cseq.number, dialog=other)
        bye = other.request("BYE")
        bye.headers.add("Reason", str(Reason("SIP", 200, "Call completed elsewhere")))
        session.scribe.send(bye, lambda _: None, other)
        session.stack.note("fork refused", sip_call_id=session.id, peer=other.remote)
