"""A party reached by SIP: one session, one line, and the descriptions that tie them together."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.calls.dialling import Dialling, Tried
from gateway.calls.leg import (
    Answer,
    Down,
    Headers,
    Leg,
    LegEvent,
    Pressed,
    Referring,
    Ringing,
    Up,
    Wrote,
)
from gateway.calls.manner import USUAL, Manner
from gateway.calls.quality import quality
from gateway.calls.record import Sound
from gateway.calls.referral import Declined, Moved, Referral, Transfers
from gateway.calls.tuning import tune
from gateway.errors import GatewayError
from gateway.media.line import Line, Symptoms
from gateway.sdp import Agreed, Description, Local, NoCommonCodec, SdpError, agree
from gateway.sdp import make_answer as sdp_answer
from gateway.sdp import make_offer as sdp_offer
from gateway.sip import events
from gateway.sip.endpoint import Endpoint
from gateway.sip.info_digits import INFO_RELAY, info_digit
from gateway.sip.session import Session
from gateway.trunks.dialling import Attempt

log = logging.getLogger(__name__)

Q850_NORMAL = 16
DIAL_POLL_S = 0.05  # a digit takes at least twice that
INFO_DIGIT_MS, INFO_PAUSE_S = 160, 0.25  # INFO carries no timing: too fast is one digit


class Unacceptable(GatewayError):
    """The peer's offer cannot be answered; the status and headers say why (RFC 3261 13.3.1.3)."""

    def __init__(self, status: int, phrase: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(phrase)
        self.status = status
        self.phrase = phrase
        self.headers = headers


class SipLeg:
    """Its line is held from the beginning: admission comes before any promise to the peer."""

    def __init__(
        self,
        line: Line,
        host: str,
        session: Session | None = None,
        echo: bool = False,
        manner: Manner = USUAL,
    ) -> None:
        """``host`` is what our descriptions say; ``session`` the INVITE that came, if one did."""
        self.row = line.row
        self.on_event: Callable[[LegEvent], None] = lambda event: None
        self.line = self._line = line
        self._local = Local(
            host, line.port, srtp=manner.srtp or line.srtp_policy, comfort=manner.dtx
        )
        self._echo = echo
        self._manner = manner
        self._session = session
        self._dialling: Dialling | None = None
        self._proven = True  # sound may be sent
        self._ours: Description | None = None  # what we last said
        self._wish: tuple[Local, Description] | None = None  # what we have offered anew
        self._agreed: Agreed | None = None
        self._answered = False
        self._up = False
        self._gone = False
        self.transfers: Transfers | None = None  # None: no REFER is obeyed
        self._referral: Referral | None = None
        self._left: Down | None = None  # by a peer that hung up while its transfer was under way

    @property
    def session(self) -> Session:
        if self._session is None:
            raise LookupError("the INVITE has not been sent yet")
        return self._session

    # signalling

    @property
    def obeys_refer(self) -> bool:
        """Whether the peer may have the call transferred by REFER."""
        return self._manner.refer

    def answer(self, *, proven: bool = True) -> None:
        """Accept the INVITE. Without an offer in it, the offer is ours and the ACK completes it
        (RFC 3261 13.2.1). Raises Unacceptable, and then nothing has been sent.

        A peer that is not ``proven`` is sent no sound before its ACK has shown that it gets what
        is sent to its address: else an INVITE in a victim's name would flood the victim with RTP.
        """
        self._proven = proven
        if self.session.offer is None:
            self._ours = sdp_offer(self._local, self._manner.codecs)
        else:
            self._ours = self._answer_to(self.session.offer)
        self.session.on_event = self._heard  # which may learn that the caller has given up
        if not self._gone:
            self.session.answer(bytes(self._ours))
            self._answered = True
            if self._agreed and self._proven:
                self._came_up()

    def invite(
        self,
        endpoint: Endpoint,
        attempts: Sequence[Attempt],
        ring_s: float,
        failover_s: float = 32.0,
        tried: Tried = lambda attempt, why: None,
        headers: Headers = (),
    ) -> None:
        """Call somebody, by the first of the ways that works; ``tried`` is told how each went,
        ``headers`` go with every INVITE. Raises a SIP error when a target is no URI."""
        self._endpoint, self._headers = endpoint, headers
        self._ours = sdp_offer(self._local, self._manner.codecs)
        self._dialling = Dialling(attempts, self._send_invite, tried, failover_s)
        self._dialling.begin(ring_s, self._rang_long_enough)

    def _send_invite(self, attempt: Attempt) -> Session:
        session = self._endpoint.invite(
            attempt.target,
            sdp=bytes(self._ours) if self._ours else None,
            from_uri=attempt.from_uri,
            from_name=attempt.from_name,
            headers=(*attempt.headers, *self._headers),
            hop=attempt.hop,
            policy=self._manner.policy(self._endpoint.stack.policy, attempt.may_redirect),
            credentials=attempt.credentials,
        )
        self._session = session
        session.on_event = lambda event: self._heard(event) if session is self._session else None
        return session

    def _failed(self, event: events.Refused) -> None:
        if self._dialling is None or not self._dialling.failed(event):
            why = f"{event.status} {event.phrase}"
            self._down(by_peer=event.by == "peer", status=event.status, detail=why)

    def _rang_long_enough(self) -> None:
        self.session.end("No answer", cause=19)  # Q.850: no answer from user
        self._down(by_peer=False, status=408, detail="nobody answered in time")

    def hang_up(self, detail: str, headers: Headers = ()) -> None:
        if self._referral:
            self._referral.cancel()
            self._referral = None
        if self._session is not None and not self._session.over:
            self._session.end(detail, cause=Q850_NORMAL, headers=headers)

    def _heard(self, event: events.SessionEvent) -> None:
        match event:
            case events.Ringing(status):
                if self._dialling:
                    self._dialling.rang = True
                self.on_event(Ringing(status))
            case events.Answered(sdp):
                self._accepted(sdp)
            case events.Acked(sdp):
                self._proven = True
                if not self._agreed:
                    self._completed(sdp)
                elif not self._up:
                    self._tune()
                    self._came_up()
            case events.Reoffered(sdp):
                self._reoffered(sdp)
            case events.InfoReceived(content_type, body):
                if digit := info_digit(content_type, body):
                    self.on_event(Pressed(digit))
            case events.MessageReceived(content_type, body) if content_type.startswith("text/"):
                self.on_event(Wrote(body.decode(errors="replace")))
            case events.Refused():
                self._failed(event)
            case events.Cancelled(cause, detail):
                self._down(by_peer=True, status=487, detail=detail or "cancelled by the caller")
            case events.Ended(by, status, cause, detail):
                self._down(by_peer=by == "peer", status=status, detail=detail or _cause(cause))
            case events.ReofferAnswered(result):
                self._reanswered(result)
            case events.Referred():
                self._referred(event)
            case events.ReferAccepted():
                self.on_event(Referring("accepted"))
            case events.ReferDone(status):
                self.on_event(Referring("done", status))
            case events.ReferFailed(refer_status, detail) if not self.session.over:
                self.on_event(Referring("refused", refer_status, detail))

    # what is asked of the peer

    def refer(self, target: str, *, replaces: Leg | None = None, headers: Headers = ()) -> None:
        other = replaces.session if isinstance(replaces, SipLeg) else None
        self.session.refer(target, replaces=other, headers=headers)

    async def request(self, method: str, headers: Headers, body: bytes) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def heard(status: int, phrase: str, body: bytes) -> None:
            if not answer.done():
                answer.set_result(Answer(status, phrase, body))

        self.session.ask(method, headers, body, heard)
        return await answer

    def _referred(self, event: events.Referred) -> None:
        try:
            if not self._manner.refer or self.transfers is None or self._gone:
                raise Declined(603, "Transfers are not taken from here")
            if self._referral:
                raise Declined(491, "Another transfer of this call is under way")
            self._referral = Referral(
                event, self.session, self._local, self.transfers, self._moved, self._unmoved
            )
        except Declined as no:
            log.warning("REFER to %s declined: %d %s", event.refer_to, no.status, no.phrase)
            self.session.refuse_refer(no.status, no.phrase)

    def _moved(self, to: Moved) -> None:
        self.session.on_event = lambda event: None
        self._referral = self._left = self._wish = None
        self._session, self._manner, self._proven = to.session, to.manner, True
        self._local, self._ours, self._agreed = to.local, to.offer, to.agreed
        to.session.on_event = self._heard
        self._tune()

    def _unmoved(self, status: int, why: str) -> None:
        self._referral = None
        if self._left:
            left = replace(self._left, detail=f"after a transfer that failed: {status} {why}")
            self._left = None
            self._gone = True
            self.on_event(left)

    def _mute(self) -> None:
        """Nobody is there for the moment."""
        if self._agreed:
            self._agreed = replace(self._agreed, speaks=False, hears=False)
            self._tune()

    def _accepted(self, sdp: bytes | None) -> None:
        self._answered = True
        if self._dialling:
            self._dialling.answered()
        self._completed(sdp)

    def _completed(self, sdp: bytes | None) -> None:
        """The peer's answer to our offer; one that cannot be used ends the call."""
        try:
            if sdp is None or self._ours is None:
                raise SdpError("", "the peer accepted without a description of its sound")
            self._agreed = agree(self._ours, Description.parse(sdp))
        except (SdpError, NoCommonCodec) as error:
            log.warning("the peer's answer cannot be used: %s", error)
            self.session.end(str(error), cause=88)  # Q.850: incompatible destination
            self._answered = self._up  # nobody hung up: the call has never come to be
            self._down(by_peer=False, status=488, detail=str(error))
            return
        self._tune()
        self._came_up()

    def _reoffered(self, sdp: bytes | None) -> None:
        """Hold, resume, or another address (RFC 3264 section 8); what we cannot do changes
        nothing, and the call goes on as it was."""
        try:
            if sdp is None:
                self._agreed = None  # the ACK brings the answer
                self._ours = sdp_offer(self._local, self._manner.codecs, self._ours)
            else:
                self._ours = self._answer_to(sdp)
        except Unacceptable as error:
            self.session.refuse_reoffer(error.status, error.phrase, headers=error.headers)
            return
        self.session.accept_reoffer(bytes(self._ours))

    def hold(self) -> None:
        """Ask the peer to send nothing while it hears what we send (RFC 3264 section 8.4)."""
        self._offer_anew("sendonly")

    def resume(self) -> None:
        self._offer_anew("sendrecv")

    def _offer_anew(self, direction: str) -> None:
        local = replace(self._local, direction=direction)
        self._wish = (local, sdp_offer(local, self._manner.codecs, self._ours))
        self.session.reinvite(bytes(self._wish[1]))

    def _reanswered(self, answer: bytes | int | None) -> None:
        """To our new offer, or to one that only refreshed the session; what is refused, or
        cannot be used, leaves the sound as it was (RFC 3261 section 14.1)."""
        (local, offer), self._wish = self._wish or (self._local, self._ours), None
        if offer is None or not isinstance(answer, bytes):
            return
        try:
            self._agreed = agree(offer, Description.parse(answer))
        except (SdpError, NoCommonCodec) as error:
            log.warning("the peer's answer to a new offer cannot be used: %s", error)
            return
        self._local, self._ours = local, offer
        self._tune()

    def _answer_to(self, offer: bytes) -> Description:
        try:
            answer, self._agreed = sdp_answer(
                Description.parse(offer), self._local, self._manner.codecs, self._ours
            )
        except SdpError as error:
            raise Unacceptable(400, f"SDP: {error}") from None
        except NoCommonCodec as error:
            warning = ("Warning", f'{error.code} {self._local.address} "{error.detail}"')
            raise Unacceptable(488, str(error), (warning,)) from None
        self._tune()
        return answer

    def _came_up(self) -> None:
        if not self._up:
            self._up = True
            self.on_event(Up())

    def _down(self, *, by_peer: bool, status: int | None, detail: str) -> None:
        self._stop_ringing()
        down = Down(by_peer, self._answered, status, detail)
        if self._referral:
            self._left = down
            self._mute()
            return
        self._gone = True
        self.on_event(down)

    def _stop_ringing(self) -> None:
        if self._dialling:
            self._dialling.stop()

    # sound

    def _tune(self) -> None:
        agreed = self._agreed
        if agreed is not None and self._proven:
            tune(self._line, agreed, self._manner, echo=self._echo)

    async def dial(self, digits: str, *, by_info: bool = False) -> None:
        """Returns when they have been sent, so that a pause after them is one on the line. That
        is a cursor in shared memory, which nobody announces."""
        if by_info or self._manner.dtmf == "info":
            for digit in digits:
                body = f"Signal={digit}\r\nDuration={INFO_DIGIT_MS}\r\n"
                self.session.info(INFO_RELAY, body.encode())
                await asyncio.sleep(INFO_PAUSE_S)
            return
        self._line.dial(digits)
        while self._line.dialling and not self._gone:  # noqa: ASYNC110
            await asyncio.sleep(DIAL_POLL_S)

    def denoise(self) -> str | None:
        return self._line.denoise()

    def record(self, path: Path) -> None:
        self._line.record(path)

    def pause_recording(self, paused: bool) -> bool:
        return self._line.pause_recording(paused)

    @property
    def recording_lost(self) -> str | None:
        return self._line.recording_lost

    def sound(self) -> Sound:
        agreed = self._agreed
        suite = agreed.key_in.suite if agreed and agreed.key_in else ""
        return quality(self._line.counts(), agreed.codec if agreed else "", suite)

    def symptoms(self) -> Symptoms:
        agreed = self._agreed
        return self._line.symptoms(f"{agreed.host}:{agreed.port}" if agreed else "nowhere")

    async def close(self) -> None:
        self._stop_ringing()
        await self._line.give_back()


def _cause(cause: int | None) -> str:
    return f"Q.850 cause {cause}" if cause not in (None, Q850_NORMAL) else ""
