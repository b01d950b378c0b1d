"""The transaction layer: every transaction there is, found by its key (RFC 3261 section 17)."""

from collections.abc import Callable
from dataclasses import replace

from gateway.sip import metrics
from gateway.sip.alarms import Alarms
from gateway.sip.exchange import Exchange, Key, kind_of
from gateway.sip.headers import Headers
from gateway.sip.matching import ack_for, merged_key, server_key
from gateway.sip.message import Request, Response
from gateway.sip.routing import RELIABLE, Address, Hop, Sent, response_hop, without_connection
from gateway.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Table,
    Transaction,
)


class Exchanges:
    """Sends into ``outbox``, sleeps by ``alarms``; forgets a transaction once it is over."""

    def __init__(self, outbox: list[Sent], alarms: Alarms) -> None:
        self._outbox = outbox
        self._alarms = alarms
        self._clients: dict[Key, Exchange] = {}
        self._servers: dict[Key, Exchange] = {}
        self._initial: dict[Key, Key] = {}  # by what merged requests share (section 8.2.2.2)

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def ask(
        self, request: Request, hop: Hop, listener: Callable[[object], None] | None, now: float
    ) -> Exchange:
        """Begin a client transaction with a request that has its Via."""
        exchange = self.hold(request, hop)
        exchange.listener = listener
        self.begin(exchange, hop, now)
        return exchange

    def hold(self, request: Request, hop: Hop) -> Exchange:
        """A client transaction that has not begun: where its request goes is not known yet."""
        return self._make(("", request.method), CLIENT, request, hop)

    def begin(self, exchange: Exchange, hop: Hop, now: float) -> None:
        """Send the request of this client transaction, which has its Via by now, to there."""
        request = exchange.request
        table = INVITE_CLIENT if request.method == "INVITE" else CLIENT
        exchange.key = (request.via.branch, request.method)
        exchange.machine = Transaction(table, reliable=hop.transport in RELIABLE)
        exchange.hop = exchange.seen = hop
        self._clients[exchange.key] = exchange
        exchange.feed("request", now, request, bytes(request))

    def leave(self, exchange: Exchange) -> None:
        """Free this for another ``begin``; a copy absorbs what still comes for the first one."""
        self._clients.pop(exchange.key, None)
        if not exchange.over:
            request = replace(exchange.request, headers=Headers(exchange.request.headers))
            rest = replace(exchange, request=request, listener=None)
            self._clients[rest.key] = rest
            self._alarms.watch(rest)

    def answered(self, response: Response, source: Address, now: float) -> bool:
        """Give a response to whom it belongs; False if to nobody (any more)."""
        exchange = self._clients.get((response.via.branch, response.cseq.method))
        if exchange is None:
            return False
        exchange.heard_from = Hop(source, exchange.hop.transport)
        ack = b""
        if response.status >= 300 and exchange.request.method == "INVITE":
            ack = bytes(ack_for(exchange.request, response))
        exchange.feed(kind_of(response.status), now, response, ack)
        return True

    def abandon(self, exchange: Exchange) -> None:
        """Stop waiting for a response."""
        self._clients.pop(exchange.key, None)

    def asked(self, request: Request, now: float) -> bool:
        """Give a repeated request or an ACK to its transaction; False if there is none."""
        exchange = self._servers.get(server_key(request))
        if exchange is None:
            return False
        if request.method != "ACK":
            metrics.CAME_AGAIN.inc()
        exchange.feed("ack" if request.method == "ACK" else "again", now, request)
        return True

    def open(self, request: Request, seen: Hop, tag: str, now: float) -> Exchange:
        """Begin a server transaction; ``seen`` is where the request came from."""
        back = response_hop(request.via, seen.address, seen.transport)
        table = INVITE_SERVER if request.method == "INVITE" else SERVER
        exchange = self._make(server_key(request), table, request, back)
        exchange.tag, exchange.seen = tag, seen
        self._servers[exchange.key] = exchange
        exchange.feed("request", now, request)
        return exchange

    def merged(self, exchange: Exchange) -> bool:
        """Whether this request came before, by another way."""
        return self._initial.setdefault(merged_key(exchange.request), exchange.key) != exchange.key

    def cancelled_by(self, cancel: Request) -> Exchange | None:
        """The INVITE that a CANCEL is about."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def broken(self, hop: Hop, why: str, now: float) -> list[Request]:
        """Nothing gets through to there. The requests that fail by it; responses take the other
        way that their Via names."""
        failing = [e for e in self._clients.values() if e.hop == hop and e.waiting]
        for exchange in failing:
            exchange.feed("broken", now, why)
        if hop.transport in RELIABLE:
            for exchange in self._servers.values():
                if exchange.hop == hop:
                    exchange.hop = without_connection(exchange.request.via)
        return [exchange.request for exchange in failing]

    def _make(self, key: Key, table: Table, request: Request, hop: Hop) -> Exchange:
        machine = Transaction(table, reliable=hop.transport in RELIABLE)
        return Exchange(key, machine, request, hop, self._outbox, self._changed)

    def _changed(self, exchange: Exchange) -> None:
        if not exchange.over:
            self._alarms.watch(exchange)
            return
        self._clients.pop(exchange.key, None)
        if self._servers.pop(exchange.key, None) is not None:
            self._initial.pop(merged_key(exchange.request), None)
