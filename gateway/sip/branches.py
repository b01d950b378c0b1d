"""What comes back to an INVITE of ours, which a proxy may have forked to several phones.

Each phone has its To tag, and with its first 1xx an early dialog of its own (RFC 3261 section
12.1.2); its reliable 1xx are acknowledged within that (RFC 3262). The first that accepts gets the
call; any other that accepts is told ACK and BYE (section 13.2.2.4). A 2xx that is repeated is
told the same ACK again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gateway.sip.dialog import Dialog
from gateway.sip.events import Answered, Refused, Ringing
from gateway.sip.headers import Reason
from gateway.sip.life import Cue, State
from gateway.sip.message import Response
from gateway.sip.peer import tags
from gateway.sip.routing import Sent
from gateway.sip.scribe import describe
from gateway.sip.transaction import Failed

if TYPE_CHECKING:
    from gateway.sip.usage import Usage

MOST = 32  # early dialogs of one INVITE


@dataclass(slots=True)
class Early:
    """One phone that rings."""

    dialog: Dialog
    rseq: int | None = None  # of its last reliable 1xx
    sdp: bytes | None = None  # its last description
    settled: bool = False  # an offer has met its answer, reliably
    owed: Response | None = None  # its offer in a reliable 1xx: the PRACK waits for our answer


class Branches:
    def __init__(self, session: "Usage") -> None:
        self.early: dict[str, Early] = {}  # by To tag
        self._session = session
        self._acks: dict[str, Sent] = {}  # what each 2xx was told, by To tag
        self._accepted: Response | None = None  # the 2xx whose ACK has not been sent yet

    @property
    def current(self) -> Early | None:
        """The phone that offers can be exchanged with before the call is answered: the newest."""
        return next((e for e in reversed(self.early.values()) if e.settled), None)

    def result(self, result: object) -> None:
        """A response to the INVITE, or word that there will be none."""
        session = self._session
        if isinstance(result, Failed):
            by: Literal["timeout", "network"] = "timeout" if result.status == 408 else "network"
            session.step("got-error", Cue(Refused(result.status, result.detail, by)))
        elif isinstance(result, Response):
            session.session_id.hear(result)
            if result.status < 200:
                self._provisional(result)
            elif result.status < 300:
                self.accepted(result)
            else:
                self._refused(result)

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

    def answer_early(self, sdp: bytes) -> None:
        """Our answer to an offer that came in a reliable 1xx goes into its PRACK."""
        for early in self.early.values():
            if early.owed is not None:
                response, early.owed, early.settled = early.owed, None, True
                self._session.said = sdp
                self._prack(early, response, sdp)

    def _refused(self, response: Response) -> None:
        session = self._session
        if session.state in (State.CALLING, State.PROCEEDING):
            again = session.retries.after(response)
            if again is not None:
                self.early.clear()
                session.step("again", Cue(again=again))
                return
        event = Refused(response.status, response.reason, "peer", response)
        session.step("got-error", Cue(event))

    def _provisional(self, response: Response) -> None:
        session = self._session
        early = self._early(response)
        if response.status == 100 or early is None:
            event = Ringing(response.status) if response.status > 100 else None
            session.step("got-1xx", Cue(event))
            return
        number = response.headers.get("RSeq") or ""
        reliable = "100rel" in tags(response, "Require") and number.isascii() and number.isdigit()
        if reliable:
            if early.rseq is not None and int(number) != early.rseq + 1:
                return  # repeated, or the one before it is still to come (RFC 3262 section 4)
            early.rseq = int(number)
            session.peer.learn(response)
        sdp = session.scribe.read(response)
        early.sdp = sdp or early.sdp
        event = Ringing(response.status, sdp, response.to.tag)
        session.step("got-1xx", Cue(event))
        if not reliable or session.state is not State.PROCEEDING:
            return
        if sdp is not None and not session.request.body and not early.settled:
            early.owed = response
            return
        early.settled = early.settled or early.sdp is not None
        self._prack(early, response)
        session.reoffer.proceed()

    def _early(self, response: Response) -> Early | None:
        tag = response.to.tag
        if tag and tag not in self.early and len(self.early) < MOST:
            self.early[tag] = Early(Dialog.as_client(self._session.request, response))
        return self.early.get(tag)

    def _prack(self, early: Early, response: Response, sdp: bytes | None = None) -> None:
        prack = early.dialog.request("PRACK")
        prack.headers.add("RAck", f"{early.rseq} {response.cseq}")
        describe(prack, sdp)
        self._session.scribe.send(prack, lambda _: None, early.dialog)

    def _first(self, response: Response) -> None:
        session = self._session
        session.dialog = Dialog.as_client(session.request, response)
        early = self.early.pop(response.to.tag, None)
        if early is not None:
            session.dialog.local_cseq = early.dialog.local_cseq
            session.dialog.remote_cseq = early.dialog.remote_cseq
        if early is None or not early.settled:
            session.reoffer.forget()  # what another phone was asked does not matter any more
        self.early.clear()
        self._accepted = response
        session.peer.learn(response)
        session.refresh.answered(response)
        sdp = session.scribe.read(response)
        settled = early is not None and early.settled
        if early is not None and (settled or sdp is None):
            # The answer may have come before, as a preview in a 1xx (section 13.2.1).
            sdp = early.sdp
        if session.request.body or settled:
            session.settled = True
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
