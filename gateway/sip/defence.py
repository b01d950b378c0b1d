"""Who may ask how much: limits, bans, and no more sent to a stranger than it has paid for.

Strangers are all but the sources that ``trusted`` knows (trunks, registered phones, exempt ones):
a trunk's INVITE is never taken for part of a flood. Whatever is remembered of strangers is kept in
tables of fixed size, since a flood may come from four billion invented addresses.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from typing import Literal, TypeVar

from prometheus_client import Counter as Metric

from gateway.metrics import REGISTRY
from gateway.sip.bucket import Bucket
from gateway.sip.defence_settings import DefenceSettings
from gateway.sip.grammar import shown
from gateway.sip.inspection import Objection
from gateway.sip.message import Request

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000  # entries of each table
# To a UDP source that has not shown that it gets our answers, so many bytes per byte of its own:
# a 100, a 200 with SDP and three of its repetitions. Otherwise a request in a victim's name would
# bring the victim 11 copies of the 200 (RFC 3261 section 13.3.1.4).
FACTOR = 5
PROVEN_S = 900.0  # how long it is believed
QUIET_S = 10.0  # between two log lines about the same source and reason
# What a refusal says about who asked. 401 is how digest begins, so only a wrong answer counts.
POINTS = {401: 1.0, 407: 1.0, 403: 1.0, 404: 1.0, 405: 0.5, 481: 0.2, 400: 0.5}

REFUSED = Metric(
    "trunkline_sip_defended",
    "SIP messages that were dropped or refused before anything was done for them, by reason.",
    ["reason"],
    registry=REGISTRY,
)


class Drop(Exception):
    """Say nothing to this."""


@dataclass(slots=True)
class _Stranger:
    packets: Bucket
    requests: Bucket
    invites: Bucket
    credit: float = 0.0  # bytes we may send
    points: float = 0.0
    points_at: float = 0.0


class Defence:
    """``expected`` knows requests of those who can prove by digest who they are; ``note`` tells
    the operator. ``unknown``: what happens to strangers outside of any dialog."""

    def __init__(
        self,
        settings: DefenceSettings,
        unknown: Literal["answer", "refuse", "drop"] = "answer",
        *,
        trusted: Callable[[str], bool] = lambda host: False,
        expected: Callable[[Request], bool] = lambda request: False,
        note: Callable[..., None] = lambda what, **facts: None,
    ) -> None:
        self.note = note
        self._settings, self._unknown = settings, unknown
        self._trusted, self._expected = trusted, expected
        exempt = [ip_network(text, strict=False) for text in settings.exempt]
        # Most are single addresses, which are found without parsing what a flood comes from.
        self._exempt_hosts = {str(n[0]) for n in exempt if n.num_addresses == 1}
        self._exempt_networks = [n for n in exempt if n.num_addresses > 1]
        self._count = cache(REFUSED.labels)
        self._is_exempt = lru_cache(maxsize=4096)(self._look_exempt)
        self._strangers: OrderedDict[str, _Stranger] = OrderedDict()
        self._proven: OrderedDict[str, float] = OrderedDict()  # until when
        self._bans: OrderedDict[str, tuple[float, int]] = OrderedDict()  # until when, how often
        self._dialogs: Counter[str] = Counter()
        self._told: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._lines = Bucket(5.0, 50.0)  # of the log, whatever comes
        self._all = (
            _bucket(settings.all_packets_per_second),
            _bucket(settings.all_requests_per_second),
            _bucket(settings.all_invites_per_second),
        )

    # What comes

    def connects(self, host: str, others: int) -> bool:
        """Whether this source, which has so many connections open, may open one more."""
        most = self._settings.connections_per_source
        return not most or others < most or self.friend(host)

    def packet(self, host: str, size: int, udp: bool, now: float) -> bool:
        """Whether to look at it at all. Costs less than parsing it would."""
        if self.friend(host):
            return True
        key = source(host)
        if (ban := self._bans.get(key)) is not None and now < ban[0]:
            return self._no("banned", host, now)
        # One that is known to be too loud shall not use up what is there for all; of a new one
        # nothing is remembered before it has its share, since a flood has nothing but new ones.
        stranger = self._strangers.get(key)
        if stranger and not stranger.packets.take(now):
            return self._no("too many packets", host, now)
        if not self._is_proven(key, now) and not self._all[0].take(now):
            return self._no("too many packets of strangers", "", now)
        if stranger is None:
            stranger = self._stranger(key)
            stranger.packets.take(now)
        if udp:
            stranger.credit += FACTOR * size
        return True

    def request(self, request: Request, host: str, open_transactions: int, now: float) -> None:
        """A request that begins something. Raises Drop or Objection if it shall not."""
        if self.friend(host):
            return
        settings = self._settings
        if agent := self._scanner(request):
            self.ban(host, f"it calls itself {agent}", now)
            raise Drop
        stranger, key = self._stranger(source(host)), source(host)
        known = self._is_proven(key, now)
        limits = [("requests", stranger.requests, self._all[1])]
        if request.method == "INVITE":
            limits.append(("INVITEs", stranger.invites, self._all[2]))
        for what, own, of_all in limits:
            if not own.take(now):
                self._drop(f"too many {what}", host, now)
            if not known and not of_all.take(now):
                self._drop(f"too many {what} of strangers", host, now)
        if settings.transactions and open_transactions >= settings.transactions:
            self._drop("too many transactions", host, now)
        most = settings.dialogs_per_source
        if request.method == "INVITE" and most and self._dialogs[key] >= most:
            self._no("too many dialogs", host, now)
            retry = (("Retry-After", "30"),)
            raise Objection(486, f"More than {most} calls from one address", retry)
        if self._unknown != "answer" and not self._expected(request):
            if self._unknown == "drop":
                self._drop("unknown source", host, now)
            self._no("unknown source", host, now)
            raise Objection(403, "This gateway does not know you")

    def explains_itself(self, host: str) -> bool:
        """Whether a request that is broken is told so."""
        return self._unknown == "answer" or self.friend(host)

    def proven(self, host: str, now: float) -> None:
        """It has shown that it gets what we send to its address."""
        _put(self._proven, source(host), now + PROVEN_S)

    def refused(self, request: Request, status: int, host: str, now: float) -> None:
        """We refused a request of its; too many of them are a search for a way in."""
        points = POINTS.get(status, 0.0)
        if status in (401, 407) and not _has_credentials(request):
            points = 0.1  # those who ask again and again without ever answering
        if not points or self.friend(host):
            return
        stranger = self._stranger(source(host))
        fade = max(0.0, 1 - (now - stranger.points_at) / self._settings.ban_window_s)
        stranger.points, stranger.points_at = stranger.points * fade + points, now
        if stranger.points >= self._settings.failures:
            stranger.points = 0.0
            self.ban(host, f"its requests were refused again and again, last with {status}", now)

    def ban(self, host: str, why: str, now: float) -> None:
        """Hear nothing of it for a while; longer each time."""
        _, times = self._bans.get(source(host), (0.0, 0))
        seconds = min(self._settings.ban_most_s, self._settings.ban_s * 2.0 ** min(times, 20))
        _put(self._bans, source(host), (now + seconds, times + 1))
        REFUSED.labels("banned").inc()
        if self._lines.take(now):
            self.note("banned", source=host, seconds=seconds, why=why)

    def opened(self, host: str) -> None:
        """A dialog with this source has begun."""
        self._dialogs[source(host)] += 1

    def closed(self, host: str) -> None:
        key = source(host)
        self._dialogs[key] -= 1
        if self._dialogs[key] <= 0:
            del self._dialogs[key]

    # What goes

    def lets_out(self, data: bytes, host: str, udp: bool, now: float) -> bool:
        """Whether this may be sent. Requests may: they are ours, and their answers expected."""
        if not data.startswith(b"SIP/2.0 "):
            if not self.friend(host):
                self.proven(host, now)
            return True
        key = source(host)
        if not udp or self.friend(host) or self._is_proven(key, now):
            return True
        stranger = self._stranger(key)
        if stranger.credit < len(data):
            return self._no("answers would outweigh the questions", host, now)
        stranger.credit -= len(data)
        return True

    # Inside

    def friend(self, host: str) -> bool:
        """Without limits: a trunk, a registered phone, one that the operator has exempted."""
        if host in self._exempt_hosts or self._trusted(host):
            return True
        return bool(self._exempt_networks) and self._is_exempt(host)

    def _look_exempt(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in self._exempt_networks)

    def _is_proven(self, key: str, now: float) -> bool:
        return self._proven.get(key, 0.0) > now

    def _stranger(self, key: str) -> _Stranger:
        stranger = self._strangers.get(key)
        if stranger is None:
            settings = self._settings
            stranger = _Stranger(
                _bucket(settings.packets_per_second),
                _bucket(settings.requests_per_second),
                _bucket(settings.invites_per_second),
            )
        _put(self._strangers, key, stranger)
        return stranger

    def _scanner(self, request: Request) -> str:
        agent = request.headers.get("User-Agent") or ""
        if any(name in agent.lower() for name in self._settings.scanners):
            return shown(agent)
        return ""

    def _drop(self, reason: str, host: str, now: float) -> None:
        self._no(reason, host, now)
        raise Drop

    def _no(self, reason: str, host: str, now: float) -> Literal[False]:
        """Count it, and say so, but not as often as it comes."""
        self._count(reason).inc()
        at, missed = self._told.get((reason, host), (now - QUIET_S, 0))
        if now - at < QUIET_S or not self._lines.take(now):
            _put(self._told, (reason, host), (at, missed + 1))
            return False
        _put(self._told, (reason, host), (now, 0))
        self.note("defended", source=host, why=reason, also=missed)
        return False


def source(host: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 that one IPv6 host may choose from."""
    return _source(host)


@lru_cache(maxsize=4096)
def _source(host: str) -> str:
    if ":" not in host:
        return host
    try:
        return str(ip_network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host


def _bucket(per_second: float) -> Bucket:
    return Bucket(per_second, max(1.0, 3 * per_second))


def _has_credentials(request: Request) -> bool:
    return "Authorization" in request.headers or "Proxy-Authorization" in request.headers


def _put(table: OrderedDict[K, V], key: K, value: V) -> None:
    """Newest last; the oldest goes when there is no room."""
    table[key] = value
    table.move_to_end(key)
    if len(table) > MOST:
        table.popitem(last=False)
