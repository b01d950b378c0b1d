"""REFER, as the one who asks (RFC 3515): the peer shall call somebody else, and tell how it went.

It always ends in ReferDone or ReferFailed: by the last NOTIFY, by a refusal, by silence, or with
the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.sip import sipfrag
from gateway.sip.events import ReferAccepted, ReferDone, ReferFailed, ReferProgress
from gateway.sip.exchange import Exchange
from gateway.sip.grammar import param, parse_params
from gateway.sip.inspection import Objection, content_type
from gateway.sip.message import Request, Response
from gateway.sip.transaction import T1, Failed

if TYPE_CHECKING:
    from gateway.sip.usage import Usage

FIRST_S = 64 * T1  # for the first NOTIFY, which is to be sent at once (section 2.4.4)
LONGEST_S = 180.0  # between two NOTIFYs: longer than any phone rings


class Asking(Enum):
    IDLE = "idle"
    SENT = "sent"  # our REFER is out
    TAKEN = "taken"  # it was accepted; NOTIFYs tell the rest


I, S, T = Asking  # noqa: E741

ASKING: dict[tuple[Asking, str], tuple[Asking, str]] = {
    (I, "refer"):    (S, "send"),
    (S, "accepted"): (T, "tell_accepted await_first"),
    (S, "waived"):   (I, "tell_accepted stop tell_waived"),
    (S, "refused"):  (I, "stop tell_failed"),
    (S, "progress"): (T, "tell_accepted tell_progress await_more"),  # it overtook the 202
    (S, "done"):     (I, "tell_accepted stop tell_done"),
    (S, "failed"):   (I, "tell_accepted stop tell_failed"),
    (S, "ended"):    (I, "stop tell_failed"),
    (T, "progress"): (T, "tell_progress await_more"),
    (T, "done"):     (I, "stop tell_done"),
    (T, "failed"):   (I, "stop tell_failed"),
    (T, "due"):      (I, "stop tell_failed"),
    (T, "ended"):    (I, "stop tell_failed"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class News:
    """What an input brings along."""

    status: int | None = None
    detail: str = ""
    wait_s: float = LONGEST_S
    request: Request | None = None


class Referrer:
    def __init__(self, session: "Usage") -> None:
        self.stage = Asking.IDLE
        self.due: float | None = None
        self._session = session
        self._cseq = 0  # of the REFER: the id of its subscription
        self._over: set[int] = set()  # of earlier ones: late NOTIFYs are answered 200 all the same

    def refer(self, target: str, referred_by: str, headers: Sequence[tuple[str, str]]) -> None:
        """``target`` is sent as it is given; ``referred_by`` unless it is in ``headers``. Raises
        GatewayError while another is under way."""
        if self.stage is not Asking.IDLE:
            raise GatewayError("another REFER is under way in this call")
        request = self._session.scribe.request("REFER")
        bracketed = "<" in target
        request.headers.add("Refer-To", target if bracketed else f"<{target}>")
        for name, value in headers:
            request.headers.add(name, value)
        if "Referred-By" not in request.headers:
            request.headers.add("Referred-By", referred_by)
        self._step("refer", News(request=request))

    def notified(self, exchange: Exchange) -> None:
        """A NOTIFY within the dialog. Raises Objection if it belongs to no REFER of ours."""
        request = exchange.request
        package, semicolon, rest = (request.headers.get("Event") or "").partition(";")
        if package.strip().lower() != "refer":
            raise Objection(489, "Only NOTIFYs of a REFER are taken", (("Allow-Events", "refer"),))
        number = param(parse_params(semicolon + rest, "Event"), "id") or str(self._cseq)
        late = number in {str(cseq) for cseq in self._over}
        if not late and (self.stage is Asking.IDLE or number != str(self._cseq)):
            raise Objection(481, "No REFER waits for this NOTIFY")
        state, semicolon, rest = (request.headers.get("Subscription-State") or "").partition(";")
        params = parse_params(semicolon + rest, "Subscription-State")
        status, phrase = None, ""
        if request.body:
            if content_type(request) != sipfrag.TYPE:
                raise Objection(415, "Expected a sipfrag", (("Accept", sipfrag.TYPE),))
            status, phrase = sipfrag.read(request.body)
        self._session.stack.respond(exchange, request.reply(200))
        if late:
            return
        if status is not None and status >= 200:
            self._step("done" if status < 300 else "failed", News(status, phrase))
        elif state.strip().lower() == "terminated":
            why = param(params, "reason") or "no reason"
            detail = f"the peer stopped telling how the transfer goes ({why})"
            self._step("failed", News(None, detail))
        else:
            self._step("progress", News(status, phrase, _wait(param(params, "expires"))))

    def wake(self, now: float) -> None:
        if self.due is not None and self.due <= now:
            self.due = None
            self._step("due", News(408, "no NOTIFY told how the transfer went"))

    def close(self, detail: str) -> None:
        """The call is over."""
        self._step("ended", News(None, detail))

    def _result(self, result: object) -> None:
        if isinstance(result, Failed):
            self._step("refused", News(result.status, result.detail))
            self._session.lost(result.detail, 408)
        elif isinstance(result, Response) and result.status >= 200:
            if result.status < 300:
                waived = (result.headers.get("Refer-Sub") or "").strip().lower() == "false"
                self._step("waived" if waived else "accepted", News(result.status))
                return
            self._step("refused", News(result.status, result.reason))
            if result.status in (408, 481):
                self._session.lost(result.reason, result.status)

    def _step(self, what: str, news: News) -> None:
        entry = ASKING.get((self.stage, what))
        if entry is None:
            return
        self.stage, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")(news)

    # The table's actions

    def _send(self, news: News) -> None:
        assert news.request is not None
        self._cseq = news.request.cseq.number
        self._session.scribe.send(news.request, self._result)

    def _await_first(self, _: News) -> None:
        self._await(FIRST_S)

    def _await_more(self, news: News) -> None:
        self._await(news.wait_s)

    def _await(self, seconds: float) -> None:
        self.due = self._session.stack.clock() + seconds
        self._session.stack.watch(self._session)

    def _stop(self, _: News) -> None:
        self.due = None
        self._over.add(self._cseq)

    def _tell_accepted(self, _: News) -> None:
        self._session.tell(ReferAccepted())

    def _tell_progress(self, news: News) -> None:
        if news.status is not None:
            self._session.tell(ReferProgress(news.status, news.detail))

    def _tell_done(self, news: News) -> None:
        assert news.status is not None
        self._session.tell(ReferDone(news.status))

    def _tell_waived(self, _: News) -> None:
        """RFC 4488: the peer took it and will tell nothing more."""
        self._session.tell(ReferDone(202))

    def _tell_failed(self, news: News) -> None:
        self._session.tell(ReferFailed(news.status, news.detail))


def _wait(expires: str | None) -> float:
    """How long the next NOTIFY may take: as long as the subscription lasts, within reason."""
    if expires and expires.isascii() and expires.isdigit() and len(expires) < 10:
        return min(max(float(expires), FIRST_S), LONGEST_S)
    return LONGEST_S
