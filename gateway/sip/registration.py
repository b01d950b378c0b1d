"""A registration with a carrier or PBX, kept up: REGISTER as a client (RFC 3261 section 10.2).

One machine, a table; it lives on the stack's alarms, so two stacks in memory are its test. What
it does about failure: the next registrar at once, and when all have failed the back-off of RFC
5626 section 4.5; a registrar that says our password is wrong is left alone for the longest pause,
since trying again is what locks an account.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.sip.exchange import Exchange
from gateway.sip.framing import PING
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import NameAddr
from gateway.sip.message import Request, Response
from gateway.sip.outside import outside
from gateway.sip.routing import RELIABLE, Hop, Sent
from gateway.sip.stack import Stack
from gateway.sip.transaction import Failed
from gateway.sip.uri import Uri

FRACTION = 0.8  # of the granted time, after which it is renewed
BASE_S, MOST_S = 30.0, 1800.0  # RFC 5626 section 4.5
LEAST_S = 10.0  # between two REGISTERs, whatever a registrar grants
# RFC 5626 section 4.4.1 for streams; NATs forget UDP after 30 s (RFC 4787 says 2 minutes).
KEEP_ALIVE_S = {"udp": 25.0}
KEEP_ALIVE_STREAM_S = 95.0


class State(Enum):
    IDLE = "idle"
    ASKING = "registering"
    UP = "registered"
    RENEWING = "renewing"  # still registered
    WAITING = "waiting"  # to try again
    LEAVING = "unregistering"
    GONE = "unregistered"


I, A, U, R, W, L, G = State  # noqa: E741

# Inputs: ``start stop due lost`` from us; of a response, ``granted``, ``challenged`` (and we can
# answer it), ``brief`` (423), ``denied`` (the password, or the account) and ``failed``.
TABLE: dict[tuple[State, str], tuple[State, str]] = {
    (I, "start"):      (A, "register"),
    (A, "granted"):    (U, "note_expiry"),
    (A, "challenged"): (A, "authorise"),
    (A, "brief"):      (A, "lengthen register"),
    (A, "denied"):     (W, "wait_long"),
    (A, "failed"):     (A, "next_registrar"),
    (A, "exhausted"):  (W, "wait"),
    (A, "stop"):       (G, "forget"),
    (W, "due"):        (A, "register"),
    (W, "stop"):       (G, "forget"),
    (U, "due"):        (R, "register"),
    (U, "lost"):       (A, "register"),
    (U, "stop"):       (L, "unregister"),
    (R, "granted"):    (U, "note_expiry"),
    (R, "challenged"): (R, "authorise"),
    (R, "brief"):      (R, "lengthen register"),
    (R, "denied"):     (W, "wait_long"),
    (R, "failed"):     (A, "next_registrar"),
    (R, "stop"):       (L, "unregister"),
    (L, "challenged"): (L, "authorise"),
    (L, "granted"):    (G, "forget"),
    (L, "denied"):     (G, "forget"),
    (L, "brief"):      (G, "forget"),
    (L, "failed"):     (G, "forget"),
}  # fmt: skip


class Authorise(Protocol):
    """Answers a challenge: puts the credentials into the request, or says that it cannot."""

    def __call__(self, request: Request, challenge: Response) -> bool: ...


@dataclass(frozen=True)
class Account:
    """Who registers where. ``registrars`` in the order in which they are tried."""

    user: str
    domain: str
    registrars: tuple[Hop, ...]
    expires_s: int = 3600


class Registration:
    """``jitter`` gives 0 to 1; ``heard`` is told where answers really came from."""

    def __init__(
        self,
        stack: Stack,
        account: Account,
        authorise: Callable[[], Authorise],  # anew for each REGISTER and its challenges
        *,
        jitter: Callable[[], float],
        heard: Callable[[Hop], None] = lambda hop: None,
        changed: Callable[["Registration"], None] = lambda registration: None,
    ) -> None:
        self.state = I
        self.account = account
        self.why = ""  # the last failure
        self.until = 0.0  # monotonic seconds: what was granted ends
        self.failures = 0  # rounds in a row
        self._stack, self._authorise_anew = stack, authorise
        self._jitter, self._heard, self._changed = jitter, heard, changed
        self._aor = Uri.sip(account.user, account.domain)
        self._call_id, self._cseq = f"{stack.token()}{stack.token()}", 0
        self._registrar = 0
        self._tried = 0  # registrars in this round
        self._asks_s = account.expires_s
        self._authorise = authorise()
        self._exchange: Exchange | None = None
        self._request: Request | None = None
        self._due: float | None = None
        self._ping: float | None = None

    @property
    def registered(self) -> bool:
        """Whether calls can reach us by it."""
        return self.state in (U, R)

    @property
    def over(self) -> bool:
        return self.state is G

    @property
    def hop(self) -> Hop:
        """The registrar that is used now."""
        return self.account.registrars[self._registrar]

    def start(self) -> None:
        self._step("start")
        self._stack.stir()

    def stop(self) -> None:
        """Take the binding away; ``state`` says when it is gone."""
        self._step("stop")
        self._stack.stir()

    def broken(self, hop: Hop) -> None:
        """The connection by which calls would come is gone."""
        if hop == self.hop and hop.transport in RELIABLE:
            self._step("lost")

    def wake_at(self) -> float | None:
        return min((at for at in (self._due, self._ping) if at is not None), default=None)

    def wake(self, now: float) -> None:
        if self._due is not None and self._due <= now:
            self._due = None
            self._step("due")
        if self._ping is not None and self._ping <= now:
            self._keep_alive(now)

    # Inside

    def _step(self, what: str, response: Response | None = None) -> None:
        entry = TABLE.get((self.state, what))
        if entry is None:
            return
        before = self.state
        self.state, actions = entry
        for action in actions.split():
            getattr(self, f"_do_{action}")(response)
        if self.state is not before:
            self._changed(self)

    def _send(self, expires_s: int) -> None:
        self._authorise = self._authorise_anew()
        self._cseq += 1
        request = outside(
            "REGISTER", f"sip:{self._aor.host}", self._aor, self._aor,
            call_id=self._call_id, tag=self._stack.token(), cseq=self._cseq,
        )  # fmt: skip
        request.headers.add("Contact", self._stack.contact(self.account.user, self.hop))
        request.headers.add("Expires", str(expires_s))
        request.headers.add("Supported", "path")
        self._ask(request)

    def _ask(self, request: Request) -> None:
        self._request = request
        exchange = self._stack.request(request, self.hop, lambda r: self._result(exchange, r))
        self._exchange = exchange

    def _result(self, exchange: Exchange, result: object) -> None:
        if exchange is not self._exchange:
            return  # of a registrar that was given up
        if isinstance(result, Failed):
            self.why = f"{self._where()}: {result.detail}"
            self._step("failed")
        elif isinstance(result, Response) and result.status >= 200:
            if exchange.heard_from:
                self._heard(exchange.heard_from)
            self._answered(result)

    def _answered(self, response: Response) -> None:
        status = response.status
        if status < 300:
            self._step("granted", response)
            return
        self.why = f"{self._where()}: {status} {response.reason}"
        if status == 423:
            self._step("brief" if self._least(response) > self._asks_s else "failed", response)
        elif status in (401, 407):
            self._step("challenged", response)
        else:
            self._step("denied" if status in (403, 404) else "failed", response)

    def _where(self) -> str:
        return f"{self.hop.address[0]}:{self.hop.address[1]}"

    def _granted_s(self, response: Response) -> float:
        """For how long; a registrar may list the bindings of other phones, too (10.3 step 8)."""
        ours = NameAddr.parse(self._stack.contact(self.account.user, self.hop), "Contact").uri
        for value in response.headers.values("Contact"):
            try:
                contact = NameAddr.parse(value, "Contact")
            except SipSyntaxError:
                continue
            same = (contact.uri.user, contact.uri.host) == (ours.user, ours.host)
            if same and (expires := contact.param("expires")) and expires.isdigit():
                return float(expires)
        expires = (response.headers.get("Expires") or "").strip()
        return float(expires) if expires.isascii() and expires.isdigit() else float(self._asks_s)

    def _least(self, response: Response) -> int:
        text = (response.headers.get("Min-Expires") or "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0

    def _keep_alive(self, now: float) -> None:
        """A NAT on the way keeps its door open, and a dead connection shows (RFC 5626 4.4.1)."""
        transport = self.hop.transport
        self._stack.outbox.append(Sent(PING, self.hop.address, transport))
        every_s = KEEP_ALIVE_S.get(transport, KEEP_ALIVE_STREAM_S)
        self._ping = now + every_s * (0.8 + 0.2 * self._jitter())
        self._stack.watch(self)

    def _sleep(self, seconds: float) -> None:
        self._due = self._stack.clock() + seconds
        self._ping = None
        self._stack.watch(self)

    # The table's actions

    def _do_register(self, _: Response | None) -> None:
        self._due = None
        self._send(self._asks_s)

    def _do_unregister(self, _: Response | None) -> None:
        self._due = self._ping = None
        self._send(0)

    def _do_authorise(self, response: Response | None) -> None:
        assert response is not None
        assert self._request is not None
        again = self._request
        self._cseq += 1
        request = outside(
            "REGISTER", again.target, self._aor, self._aor,
            call_id=self._call_id, tag=again.from_.tag, cseq=self._cseq,
        )  # fmt: skip
        for name in ("Contact", "Expires", "Supported"):
            request.headers.add(name, again.headers.get(name) or "")
        if self._authorise(request, response):
            self._ask(request)
        else:
            self.why += ", and its challenge cannot be answered with our credentials"
            self._step("denied")

    def _do_lengthen(self, response: Response | None) -> None:
        assert response is not None
        self._asks_s = self._least(response)

    def _do_note_expiry(self, response: Response | None) -> None:
        assert response is not None
        now = self._stack.clock()
        granted_s = self._granted_s(response)
        self.until, self.why, self.failures, self._tried = now + granted_s, "", 0, 0
        self._due = now + max(LEAST_S, granted_s * FRACTION)
        self._keep_alive(now)

    def _do_next_registrar(self, _: Response | None) -> None:
        self._tried += 1
        if self._tried >= len(self.account.registrars):
            self._step("exhausted")
            return
        self._registrar = (self._registrar + 1) % len(self.account.registrars)
        self._do_register(None)

    def _do_wait(self, _: Response | None) -> None:
        self.failures += 1
        self._tried = 0
        self._registrar = 0  # the first one is the preferred one
        upper = min(MOST_S, BASE_S * 2.0 ** min(self.failures - 1, 10))
        self._sleep(upper * (0.5 + 0.5 * self._jitter()))

    def _do_wait_long(self, _: Response | None) -> None:
        self.failures += 1
        self._sleep(MOST_S * (0.5 + 0.5 * self._jitter()))

    def _do_forget(self, _: Response | None) -> None:
        self._due = self._ping = None
        self._exchange = None
