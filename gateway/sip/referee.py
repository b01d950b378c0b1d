"""REFER, as the one who is asked (RFC 3515, 4488): the owner decides, and reports by NOTIFY."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from gateway.sip import sipfrag
from gateway.sip.events import Referred
from gateway.sip.exchange import Exchange
from gateway.sip.headers import NameAddr
from gateway.sip.inspection import Objection
from gateway.sip.message import Response
from gateway.sip.replaces import Replaces
from gateway.sip.transaction import Failed

if TYPE_CHECKING:
    from gateway.sip.usage import Usage

DECIDE_S = 20.0  # the owner has so long; the REFER's transaction lasts 32 s
LASTS_S = 180.0  # a subscription, unless it is refreshed


class Asked(Enum):
    IDLE = "idle"
    ASKED = "asked"  # the owner decides
    TOLD = "told"  # accepted: NOTIFYs tell how it goes
    UNTOLD = "untold"  # accepted, and the peer wants to hear nothing (RFC 4488)


I, A, T, U = Asked  # noqa: E741

ASKED: dict[tuple[Asked, str], tuple[Asked, str]] = {
    (I, "refer"):    (A, "tell"),
    (A, "refer"):    (A, "busy"),
    (T, "refer"):    (T, "busy"),
    (U, "refer"):    (U, "busy"),
    (A, "accept"):   (T, "respond notify"),
    (A, "waive"):    (U, "respond"),
    (A, "refuse"):   (I, "respond"),
    (A, "due"):      (I, "decline"),
    (A, "close"):    (I, "decline"),
    (T, "report"):   (T, "notify"),
    (T, "last"):     (I, "notify_last"),
    (T, "due"):      (I, "notify_timeout"),
    (T, "renew"):    (T, "renewed notify"),
    (T, "cancel"):   (I, "renewed notify_timeout"),
    (T, "unheard"):  (I, "stop"),
    (T, "close"):    (I, "notify_last"),
    (T, "gone"):     (I, ""),
    (A, "gone"):     (I, "decline"),
    (U, "last"):     (I, ""),
    (U, "close"):    (I, ""),
    (U, "gone"):     (I, ""),
}  # fmt: skip


class Referee:
    def __init__(self, session: "Usage") -> None:
        self.stage = Asked.IDLE
        self.due: float | None = None
        self._session = session
        self._exchange: Exchange | None = None  # the REFER
        self._first = 0  # the CSeq of the first REFER, whose NOTIFYs need no id
        self._news = sipfrag.write(100)

    def asked(self, exchange: Exchange) -> None:
        """A REFER. Raises Objection."""
        request, session = exchange.request, self._session
        targets = request.headers.values("Refer-To")
        if len(targets) != 1:
            raise Objection(400, f"Refer-To: is there {len(targets)} times, not once")
        target = NameAddr.parse(targets[0], "Refer-To")
        if not session.policy.refer:
            raise Objection(603, "Transfers are not taken from here")
        replaces = Replaces.carried_by(target.uri)
        if self.stage is Asked.IDLE:
            self._exchange = exchange
            self._first = self._first or request.cseq.number
            self._news = sipfrag.write(100)
        self._step("refer", Referred(
            str(target.uri), replaces, request.headers.get("Referred-By"),
        ))  # fmt: skip

    def accept(self, status: int = 202) -> None:
        """Take it upon us; ``report`` then tells how it goes."""
        if self._exchange is None:
            return
        waived = (self._exchange.request.headers.get("Refer-Sub") or "").strip().lower()
        response = self._exchange.request.reply(status)
        self._session.scribe.dress(response)
        if waived == "false":
            response.headers.take("Refer-Sub", "false")
        self._step("waive" if waived == "false" else "accept", response)

    def refuse(self, status: int, phrase: str, headers: Sequence[tuple[str, str]]) -> None:
        if self._exchange is not None:
            response = self._exchange.request.reply(status, phrase)
            for name, value in headers:
                response.headers.add(name, value)
            self._step("refuse", response)

    def report(self, status: int, phrase: str = "") -> None:
        """What the call that we were asked to make is answered; 200 and above is the last."""
        self._news = sipfrag.write(status, phrase)
        self._step("report" if status < 200 else "last", None)

    def subscribed(self, exchange: Exchange) -> None:
        """A SUBSCRIBE that renews or ends the subscription. Raises Objection."""
        request = exchange.request
        package = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
        if package != "refer":
            detail = "Nothing can be subscribed to but a REFER"
            raise Objection(489, detail, (("Allow-Events", "refer"),))
        if self.stage is not Asked.TOLD:
            raise Objection(481, "No subscription: there is no REFER under way")
        expires = (request.headers.get("Expires") or "").strip()
        response = request.reply(200)
        self._session.scribe.dress(response)
        response.headers.take("Expires", "0" if expires == "0" else f"{LASTS_S:.0f}")
        self._session.stack.respond(exchange, response)
        self._step("cancel" if expires == "0" else "renew", None)

    def wake(self, now: float) -> None:
        if self.due is not None and self.due <= now:
            self.due = None
            self._step("due", None)

    def close(self, *, by_us: bool) -> None:
        """The call is over. A peer that hung up does not care to hear how it went on."""
        self._step("close" if by_us else "gone", None)
        self.due = None

    def _step(self, what: str, cue: object) -> None:
        entry = ASKED.get((self.stage, what))
        if entry is None:
            return
        self.stage, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")(cue)

    # The table's actions

    def _tell(self, event: object) -> None:
        assert isinstance(event, Referred)
        self._watch(DECIDE_S)
        self._session.tell(event)

    def _busy(self, _: object) -> None:
        raise Objection(491, "Request pending: another REFER is under way")

    def _respond(self, response: object) -> None:
        assert self._exchange is not None
        assert isinstance(response, Response)
        self.due = None
        self._session.stack.respond(self._exchange, response)

    def _decline(self, _: object) -> None:
        assert self._exchange is not None
        detail = "Nobody here decided about this transfer in time"
        self._respond(self._exchange.request.reply(603, detail))

    def _stop(self, _: object) -> None:
        self.due = None

    def _renewed(self, _: object) -> None:
        self._watch(LASTS_S)

    def _notify(self, _: object) -> None:
        if self.due is None:
            self._watch(LASTS_S)
        assert self.due is not None
        left = max(1, round(self.due - self._session.stack.clock()))
        self._send(f"active;expires={left}")

    def _notify_last(self, _: object) -> None:
        self.due = None
        self._send("terminated;reason=noresource")

    def _notify_timeout(self, _: object) -> None:
        self.due = None
        self._send("terminated;reason=timeout")

    def _send(self, state: str) -> None:
        assert self._exchange is not None
        number = self._exchange.request.cseq.number
        request = self._session.scribe.request("NOTIFY")
        request.headers.add("Event", "refer" if number == self._first else f"refer;id={number}")
        request.headers.add("Subscription-State", state)
        request.headers.add("Content-Type", f"{sipfrag.TYPE};version=2.0")
        request.body = self._news
        self._session.scribe.send(request, self._heard)

    def _heard(self, result: object) -> None:
        """Only the subscription is over when nobody listens, not the call (RFC 5057)."""
        if isinstance(result, Failed) or (isinstance(result, Response) and result.status >= 300):
            self._step("unheard", None)

    def _watch(self, seconds: float) -> None:
        self.due = self._session.stack.clock() + seconds
        self._session.stack.watch(self._session)
