"""A transfer at the peer's wish (REFER: RFC 3515, 5589): the call moves to another party.

The agent keeps its line and notices nothing. Until the new party has answered, nothing about the
call changes; a peer that hangs up meanwhile has left it to the outcome (RFC 5589 section 6.1).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gateway.calls.doors import Aim
from gateway.calls.manner import Manner, manner_of
from gateway.calls.ports import CallRefused
from gateway.errors import NoRoom
from gateway.sdp import Agreed, Description, Local, NoCommonCodec, SdpError, agree, make_offer
from gateway.sip import events
from gateway.sip.endpoint import Endpoint
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.session import Session
from gateway.sip.uri import Uri

log = logging.getLogger(__name__)


class Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(frozen=True)
class Transfers:
    """What is needed of the house to obey a REFER."""

    endpoint: Endpoint
    aim: Callable[[str], Aim]  # raises CallRefused, NoRoom
    moved: Callable[[Aim], None]  # the call is with this one now, and holds what it took
    happened: Callable[..., None]  # for the call's record
    later: Callable[[float, Callable[[], Any]], Timer]
    ring_s: float


@dataclass(frozen=True)
class Moved:
    """The new party, and what was agreed with it."""

    session: Session
    local: Local
    manner: Manner
    offer: Description
    agreed: Agreed


class Declined(Exception):
    """This REFER is not obeyed; the status and phrase say why."""

    def __init__(self, status: int, phrase: str) -> None:
        super().__init__(phrase)
        self.status = status
        self.phrase = phrase


class Referral:
    """One REFER that is obeyed. Exactly one of ``moved`` and ``failed`` is called, unless it is
    cancelled first. Raises Declined, and then nothing has been sent."""

    def __init__(
        self,
        event: events.Referred,
        old: Session,
        local: Local,
        house: Transfers,
        moved: Callable[[Moved], None],
        failed: Callable[[int, str], None],
    ) -> None:
        self._old, self._house = old, house
        self._moved, self._failed = moved, failed
        self._target = target_of(event.refer_to)
        try:
            self._aim = house.aim(self._target)
        except CallRefused as error:
            raise Declined(403, str(error)) from None
        except NoRoom as error:
            raise Declined(503, str(error)) from None
        self._attempts = list(self._aim.attempts)
        self._manner = manner_of(self._aim.trunk.settings if self._aim.trunk else None)
        self._local = replace(
            local, direction="sendrecv", srtp=self._manner.srtp or local.srtp,
            comfort=self._manner.dtx,
        )  # fmt: skip
        self._offer = make_offer(self._local, self._manner.codecs)
        self._headers: list[tuple[str, str]] = []
        if event.referred_by:
            self._headers.append(("Referred-By", event.referred_by))
        if event.replaces:
            self._headers.append(("Replaces", str(event.replaces)))
        try:
            self._new = self._invite()
        except SipSyntaxError as error:
            self._aim.let_go()
            raise Declined(400, str(error)) from None
        self._over = False
        self._limit = house.later(house.ring_s, self._rang_long_enough)
        old.accept_refer()
        house.happened("transfer", to=self._target)

    def cancel(self) -> None:
        """The call is over: whom we were calling need not answer any more."""
        if not self._over:
            self._close()
            self._aim.let_go()
            self._new.end("The call to be transferred is over")

    def _invite(self) -> Session:
        attempt = self._attempts.pop(0)
        session = self._house.endpoint.invite(
            attempt.target,
            sdp=bytes(self._offer),
            from_uri=attempt.from_uri,
            from_name=attempt.from_name,
            headers=(*attempt.headers, *self._headers),
            hop=attempt.hop,
            policy=self._manner.policy(self._house.endpoint.stack.policy, attempt.may_redirect),
            credentials=attempt.credentials,
        )
        session.on_event = lambda event: self._heard(event) if session is self._new else None
        return session

    def _heard(self, event: events.SessionEvent) -> None:
        if self._over:
            return
        match event:
            case events.Ringing(status):
                self._old.report_refer(status)
            case events.Answered(sdp):
                self._answered(sdp)
            case events.Refused(status, phrase, by):
                elsewhere = by in ("network", "timeout") or status == 503
                if elsewhere and self._attempts:
                    self._new = self._invite()
                else:
                    self._fail(status, phrase)
            case events.Ended(_, status, _, detail):
                self._fail(status or 480, detail)
            case _:
                pass

    def _answered(self, sdp: bytes | None) -> None:
        try:
            if sdp is None:
                raise SdpError("", "the new party accepted without a description of its sound")
            agreed = agree(self._offer, Description.parse(sdp))
        except (SdpError, NoCommonCodec) as error:
            self._new.end(str(error), cause=88)  # Q.850: incompatible destination
            self._fail(488, str(error))
            return
        self._close()
        self._house.happened("transferred", to=self._target)
        self._house.moved(self._aim)
        log.info("the call is transferred to %s", self._target)
        self._moved(Moved(self._new, self._local, self._manner, self._offer, agreed))
        self._old.report_refer(200)
        self._old.end("Transferred")

    def _rang_long_enough(self) -> None:
        if not self._over:
            self._fail(408, "nobody answered in time")
            self._new.end("No answer", cause=19)  # Q.850: no answer from user

    def _fail(self, status: int, why: str) -> None:
        self._close()
        self._aim.let_go()
        log.warning("the transfer to %s failed: %d %s", self._target, status, why)
        self._house.happened("transfer_failed", to=self._target, status=status, why=why)
        self._old.report_refer(status)
        self._failed(status, why)

    def _close(self) -> None:
        self._over = True
        self._limit.cancel()


def target_of(refer_to: str) -> str:
    """Whom to call: the URI without the headers in it, of which only Replaces is heeded, for the
    others (Route, From …) would let the peer speak in our name. Raises Declined."""
    try:
        uri = Uri.parse(refer_to, "Refer-To")
    except SipSyntaxError as error:
        raise Declined(400, str(error)) from None
    if (uri.param("method") or "INVITE").upper() != "INVITE":
        raise Declined(403, "Only an INVITE is sent at a REFER")
    return str(replace(uri, query=None))
