"""A session: one INVITE usage, as its server or its client (RFC 3261 sections 13 to 15).

The life of a call is the table in ``life``; offers within the call are a machine of their own,
in ``reoffer``. The owner sees only ``SessionEvent`` and the verbs; a verb that comes too late
(the peer was quicker) does nothing, and the event that says why is on its way.

After ``end`` or ``refuse`` the last event comes at once; what is left to be said on the wire, a
BYE to be answered or a CANCEL that crosses a 200, the session sees to by itself.
"""

from collections.abc import Callable, Sequence

from gateway.errors import GatewayError
from gateway.sip.events import Ended, Refused, SessionEvent
from gateway.sip.headers import Reason
from gateway.sip.identity import Identity
from gateway.sip.inspection import Extra
from gateway.sip.life import LIFE, Cue, State
from gateway.sip.message import PHRASES, Response
from gateway.sip.replaces import Replaces
from gateway.sip.transaction import Failed
from gateway.sip.usage import Usage


class Session(Usage):
    """What an owner can do with an INVITE usage."""

    @property
    def on_event(self) -> Callable[[SessionEvent], None] | None:
        """Who is told. Events that came before anybody was are told first."""
        return self._listener

    @on_event.setter
    def on_event(self, listener: Callable[[SessionEvent], None]) -> None:
        self._listener = listener
        self.stack.later(self._tell_owner)
        self.stack.stir()

    def ring(self, status: int = 180, sdp: bytes | None = None) -> None:
        """Tell the caller 101 to 199; with ``sdp``, what early media it will get. It is sent
        reliably (RFC 3262) if the peer wants so, or can and our policy wants so."""
        sdp = None if self.rings.described else sdp
        self._do("ring", Cue(response=self.scribe.respond(status, sdp=sdp), sdp=sdp))

    def answer(self, sdp: bytes) -> None:
        """Accept. As a server: our answer, or our offer if the INVITE had none. As a client whose
        INVITE had no offer: our answer to the one that ``Answered`` or ``Ringing`` brought."""
        if self.role == "client":
            self._do("answer", Cue(sdp=sdp))
            return
        if (self.state, "answer") in LIFE:
            # After an exchange of offers by a reliable 1xx and its PRACK, the 200 has no more.
            response = self.scribe.respond(200, sdp=None if self.rings.described else sdp)
            cue = Cue(response=response, sdp=sdp)
            if not self.rings.delays(cue):
                self._do("answer", cue)

    def refuse(
        self, status: int, phrase: str = "", *, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Refuse the INVITE with 300 to 699, a phrase that explains, and Warning, Retry-After …"""
        phrase = phrase or PHRASES.get(status, "Refused")
        response = self.scribe.respond(status, phrase, extra=headers)
        self._do("refuse", Cue(Refused(status, phrase, "us"), response))

    def end(
        self,
        reason: str = "",
        *,
        cause: int | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """End it, in whatever way its state wants: BYE, CANCEL, or 480 to an INVITE.

        ``reason`` and ``cause`` (Q.850; 16 is normal clearing) go into a Reason header, beside
        any other ``headers``.
        """
        if reason and cause is None:
            cause = 16
        reasons: Extra = ()
        if cause is not None:
            reasons = (("Reason", str(Reason("Q.850", cause, reason))),)
        reasons = (*reasons, *headers)
        if self.state in (State.OFFERED, State.RINGING):
            self.refuse(480, reason, headers=reasons)
            return
        self._reasons = self._reasons or reasons
        before = self.state in (State.CALLING, State.PROCEEDING)
        self._do("end", Cue(Ended("us", 487 if before else None, cause, reason)))

    def reinvite(self, sdp: bytes) -> None:
        """Offer something new. If another exchange of offers is under way, this waits for its
        end; of several that wait, the last counts. ``ReofferAnswered`` tells how it went."""
        self.reoffer.want(sdp)
        self.stack.stir()

    def accept_reoffer(self, sdp: bytes) -> None:
        self.reoffer.accept(sdp)
        self.stack.stir()

    def refuse_reoffer(
        self, status: int = 488, phrase: str = "", *, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.reoffer.refuse(status, phrase, headers)
        self.stack.stir()

    def update(self, sdp: bytes) -> None:
        """As ``reinvite``, by UPDATE (RFC 3311) if the peer takes it; so it goes before the call
        is answered too, once its first exchange of offers is complete."""
        self.reoffer.want(sdp, by_update=True)
        self.stack.stir()

    def info(self, content_type: str, body: bytes) -> None:
        """Send INFO (RFC 6086, or the digits of ``application/dtmf-relay``)."""
        self._carry("INFO", content_type, body)

    def message(self, content_type: str, body: bytes) -> None:
        """Send a text (RFC 3428)."""
        self._carry("MESSAGE", content_type, body)

    def refer(
        self,
        target: str,
        *,
        replaces: "Session | None" = None,
        referred_by: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Ask the peer to call ``target``, a URI that is sent as it is given (RFC 3515), in place
        of our own call ``replaces`` with somebody there (RFC 3891). ``referred_by``: at whose wish
        (RFC 3892); None: ours, by the address that we have in this call.

        ``ReferAccepted`` and ``ReferProgress`` may follow; ``ReferDone`` or ``ReferFailed`` does.
        Raises GatewayError while another is under way or the call is not up.
        """
        if not self.up:
            raise GatewayError("only a call that is up can be transferred")
        if replaces is not None:
            target = Replaces.of(replaces).within(target)
        ours = self.request.to if self.role == "server" else self.request.from_
        self.referrer.refer(target, referred_by or f"<{ours.uri}>", headers)
        self.stack.stir()

    def accept_refer(self) -> None:
        """Take the peer's REFER; how it goes is for ``report_refer`` to tell."""
        self.referee.accept()
        self.stack.stir()

    def refuse_refer(self, status: int = 603, phrase: str = "") -> None:
        self.referee.refuse(status, phrase, ())
        self.stack.stir()

    def report_refer(self, status: int, phrase: str = "") -> None:
        """What whom we called for the peer answers; 200 and above is the last."""
        self.referee.report(status, phrase)
        self.stack.stir()

    @property
    def identity(self) -> Identity:
        """Who calls, as the INVITE that came says it."""
        return Identity.of(self.request, trusted=self.policy.trusted)

    def _do(self, what: str, cue: Cue) -> None:
        self.step(what, cue)
        self.stack.stir()

    def _carry(self, method: str, content_type: str, body: bytes) -> None:
        if self.up:
            request = self.scribe.request(method)
            request.headers.add("Content-Type", content_type)
            request.body = body
            self.scribe.send(request, self._in_dialog_result)
            self.stack.stir()

    def ask(
        self,
        method: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        done: Callable[[int, str, bytes], None],
    ) -> None:
        """Send a request that changes nothing about the call (INFO, MESSAGE, NOTIFY); ``done`` is
        told how it was answered. Raises GatewayError if the call is not up."""
        if not self.up:
            raise GatewayError("the call is not up")
        request = self.scribe.request(method)
        for name, value in headers:
            request.headers.add(name, value)
        request.body = body

        def result(answer: object) -> None:
            if isinstance(answer, Failed):
                done(answer.status, answer.detail, b"")
            elif isinstance(answer, Response) and answer.status >= 200:
                done(answer.status, answer.reason, answer.body)
            if method != "NOTIFY":  # whose 481 means a subscription, not the call (RFC 5057 5.1)
                self._in_dialog_result(answer)

        self.scribe.send(request, result)
        self.stack.stir()

    def _in_dialog_result(self, result: object) -> None:
        if isinstance(result, (Response, Failed)) and result.status in (408, 481):
            detail = result.detail if isinstance(result, Failed) else result.reason
            self.lost(detail, result.status)
