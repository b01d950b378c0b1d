"""Requests of ours to a name: located first, and tried elsewhere when a target fails.

RFC 3263 section 4.3: a target has failed if the transport says so, if nothing is heard until
timer B or F, or if it answers 503. The next one gets the same request with a new branch, and
the failed one is tried last for a while. Whoever sent the request learns only the end of it.

RFC 3261 section 18.1.1: what is too large for one datagram goes by TCP; where that cannot be had,
by UDP after all, and for the next hour at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from gateway.sip.exchange import Exchange
from gateway.sip.exchanges import Exchanges
from gateway.sip.message import Request, Response
from gateway.sip.resolution import Dead
from gateway.sip.routing import Hop
from gateway.sip.transaction import Failed
from gateway.sip.uri import Uri

Found = Callable[[Sequence[Hop], str], None]  # the targets, or none and why
Locate = Callable[[Uri, Found], None]  # may call back at once, or later
Listener = Callable[[object], None]

DEAD_S = 60.0  # how long a target that failed is tried last, if it does not say
DEAD_MOST_S = 3600.0
LARGE = 1_300  # bytes that surely fit into a datagram, if nothing is known of the way
VIA = 120  # bytes that a request still grows by


@dataclass(slots=True, eq=False)
class Errand:
    """One request and the targets that it has not been to."""

    exchange: Exchange
    listener: Listener
    rest: list[Hop] = field(default_factory=list)
    large: bool = False


def nowhere(uri: Uri, found: Found) -> None:
    """The locator of a stack without DNS: the name is left to the transport."""
    found([Hop((uri.address, uri.port or 5060), uri.transport, uri.address)], "")


class Outgoing:
    """``address`` puts our Via (and Contact) for that hop on the request; ``wanted`` says whether
    a request that has not been answered is still worth sending; ``later`` is the stack's."""

    def __init__(
        self,
        exchanges: Exchanges,
        *,
        locate: Locate,
        address: Callable[[Request, Hop], None],
        wanted: Callable[[Request], bool],
        later: Callable[[Callable[[], None]], None],
        clock: Callable[[], float],
    ) -> None:
        self.dead = Dead()
        self._exchanges = exchanges
        self._locate = locate
        self._address = address
        self._wanted = wanted
        self._later = later
        self._clock = clock

    def ask(self, request: Request, hop: Hop, listener: Listener) -> Exchange:
        """Begin a client transaction; ``listener`` gets each Response, or Failed, never before
        this returns."""
        uri = hop.uri
        large = _size(request) > LARGE
        if uri is None and not (large and hop.transport == "udp"):
            self._address(request, hop)
            return self._exchanges.ask(request, hop, listener, self._clock())
        exchange = self._exchanges.hold(request, hop)
        errand = Errand(exchange, listener, large=large)
        exchange.listener = lambda result: self._heard(errand, result)
        if uri is None:
            errand.rest = self._ordered(errand, [hop])
            self._exchanges.begin(exchange, self._next(errand), self._clock())
            return exchange
        # By then whoever asks has noted the exchange as his.
        self._later(lambda: self._locate(uri, lambda hops, why: self._found(errand, hops, why)))
        return exchange

    def _found(self, errand: Errand, hops: Sequence[Hop], why: str) -> None:
        errand.rest = self._ordered(errand, hops)
        if not errand.rest:
            self._give_up(errand, Failed(503, why))
        elif not self._wanted(errand.exchange.request):
            self._give_up(errand, Failed(487, "given up before it was sent"))
        else:
            self._exchanges.begin(errand.exchange, self._next(errand), self._clock())

    def _ordered(self, errand: Errand, hops: Sequence[Hop]) -> list[Hop]:
        if errand.large:
            hops = [way for hop in hops for way in _ways(hop)]
        return self.dead.ordered(hops, self._clock())

    def _next(self, errand: Errand) -> Hop:
        hop = errand.rest.pop(0)
        self._address(errand.exchange.request, hop)
        return hop

    def _heard(self, errand: Errand, result: object) -> None:
        hop, now = errand.exchange.hop, self._clock()
        failed_s = _failed_s(result)
        if failed_s is None:
            self.dead.revive(hop)
        else:
            if isinstance(result, Response):  # it is there, so another transport is no help
                errand.rest = [way for way in errand.rest if way.address != hop.address]
            elif errand.large and hop.transport == "tcp":
                failed_s = DEAD_MOST_S
            self.dead.bury(hop, now, failed_s)
            if errand.rest and self._wanted(errand.exchange.request):
                self._exchanges.leave(errand.exchange)
                self._exchanges.begin(errand.exchange, self._next(errand), now)
                return
        errand.listener(result)

    def _give_up(self, errand: Errand, failed: Failed) -> None:
        self._later(lambda: errand.listener(failed))


def _size(request: Request) -> int:
    return len(bytes(request)) + (0 if "Via" in request.headers else VIA)


def _ways(hop: Hop) -> list[Hop]:
    """To the same place, for a large request."""
    return [replace(hop, transport="tcp"), hop] if hop.transport == "udp" else [hop]


def _failed_s(result: object) -> float | None:
    """For how long the target counts as dead; None if it does not."""
    if isinstance(result, Failed):
        return DEAD_S
    if not isinstance(result, Response) or result.status != 503:
        return None
    after = (result.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
    if after.isascii() and after.isdigit() and len(after) < 9:
        return min(float(after), DEAD_MOST_S)
    return DEAD_S
