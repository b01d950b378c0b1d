"""Digest's server side: who asks to be believed, and whether to (RFC 7616, RFC 8760, RFC 3261 22).

A nonce is its time and a keyed hash of that, so that a challenge costs no memory, however many
strangers ask for one. Memory is taken only for nonces that were answered rightly: of each, which
counts have been used, so that nothing that was overheard can be said again. When there is no
room, the oldest nonces are forgotten, and from then on count as stale.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.sip.digest import ALGORITHMS, Fields, Sum, algorithm_of, username, write
from gateway.sip.grammar import SipSyntaxError, shown
from gateway.sip.message import Request

WINDOW = 64  # counts below the highest that may still come, since UDP reorders
_TIME, _SALT, _MAC = 6, 6, 16  # bytes of a nonce: milliseconds, a number, the keyed hash

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``user`` is who it is; or else ``status`` and ``headers`` are the answer, ``why`` for us.

    A status of 400 means that what came cannot be read.
    """

    user: str = ""
    status: int = 0
    headers: Headers = ()
    stale: bool = False
    why: str = ""


@dataclass(slots=True)
class _Used:
    highest: int = 0
    before: int = 0  # bit n: the count ``highest`` - n has been used

    def take(self, count: int) -> bool:
        """Whether this count is used for the first time."""
        if count > self.highest:
            self.before = (self.before << min(count - self.highest, WINDOW)) | 1
            self.before &= (1 << WINDOW) - 1
            self.highest = count
            return True
        bit = 1 << (self.highest - count)
        if self.highest - count >= WINDOW or self.before & bit:
            return False
        self.before |= bit
        return True


class Challenger:
    """``secret`` keys the nonces: random, and the same in all that shall believe each other's.

    ``algorithms`` in the order of preference; ``qops`` of ``auth`` and ``auth-int``; with
    ``rfc2069`` an answer without qop is taken too, once for each nonce.
    """

    def __init__(
        self,
        secret: bytes,
        realm: str,
        *,
        algorithms: Sequence[str] = ("SHA-256", "MD5"),
        qops: Sequence[str] = ("auth",),
        rfc2069: bool = False,
        proxy: bool = False,
        lifetime_s: float = 300.0,
        most_nonces: int = 10_000,
    ) -> None:
        unknown = [name for name in algorithms if name not in ALGORITHMS]
        if unknown or not algorithms or not secret:
            raise ValueError(f"a secret and algorithms of {list(ALGORITHMS)} are needed: {unknown}")
        self.realm = realm
        self._secret = secret
        self._algorithms, self._qops = tuple(algorithms), tuple(qops)
        self._rfc2069 = rfc2069
        self._status = 407 if proxy else 401
        self._asks = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        self._answers = "Proxy-Authorization" if proxy else "Authorization"
        self._lifetime_s, self._most = lifetime_s, most_nonces
        self._used: OrderedDict[str, _Used] = OrderedDict()
        self._forgotten = -1  # nonces of this millisecond and before are stale
        self._salt = 0
        self._opaque = self._mac(b"opaque" + realm.encode())[:16]

    def challenge(self, now: float, *, stale: bool = False, why: str = "") -> Verdict:
        """401 or 407 with one header for each algorithm, the preferred first (RFC 8760 2.3)."""
        values = {
            "realm": self.realm,
            "nonce": self._nonce(now),
            "opaque": self._opaque,
            **({"stale": "true"} if stale else {}),
        }
        headers = tuple(
            (self._asks, write(
                values | {"algorithm": name, "qop": ", ".join(self._qops)},
                quoted=frozenset({"qop"}),
            ))
            for name in self._algorithms
        )  # fmt: skip
        return Verdict(status=self._status, headers=headers, stale=stale, why=why)

    def check(
        self, request: Request, password_of: Callable[[str], str | None], now: float
    ) -> Verdict:
        """Whose request this is, or what it is to be told. ``password_of`` gives None for a user
        that there is not; the peer cannot tell that from a wrong password."""
        try:
            answer = self._answer(request)
            if answer is None:
                return self.challenge(now, why="no credentials")
            return self._judge(answer, request, password_of, now)
        except SipSyntaxError as error:
            return Verdict(status=400, why=str(error))

    def _answer(self, request: Request) -> Fields | None:
        """The credentials for this realm; a request may carry others' too."""
        for text in request.headers.all(self._answers):
            answer = Fields.parse(text, self._answers)
            if answer is not None and answer.get("realm") == self.realm:
                return answer
        return None

    def _judge(
        self,
        answer: Fields,
        request: Request,
        password_of: Callable[[str], str | None],
        now: float,
    ) -> Verdict:
        header, nonce = self._answers, answer.must("nonce")
        found = algorithm_of(answer.get("algorithm") or "MD5")
        if found is None or found[0] not in self._algorithms:
            return self.challenge(now, why=f"algorithm {shown(answer.get('algorithm') or 'MD5')}")
        issued = self._issued(nonce)
        if issued is None:
            return self.challenge(now, stale=True, why="not a nonce of ours")
        if answer.get("opaque") not in ("", self._opaque):
            return self.challenge(now, why="not the opaque of ours")
        if answer.get("userhash").lower() == "true":
            return self.challenge(now, why="a hashed user name, which was not asked for")
        qop, nc, cnonce = answer.get("qop").lower(), answer.get("nc"), answer.get("cnonce")
        if qop:
            if qop not in self._qops:
                return self.challenge(now, why=f"qop {shown(qop)}")
            count = _count(nc, header)
            answer.must("cnonce")
        elif not self._rfc2069:
            return self.challenge(now, why="no qop (RFC 2069)")
        else:
            count = 1
        user = username(answer)
        password = password_of(user)
        total = Sum(
            *found, self.realm, nonce, request.method, answer.must("uri"), qop, nc, cnonce,
            request.body,
        )  # fmt: skip
        right = total.response(user, password if password is not None else "")
        same = hmac.compare_digest(right.encode(), answer.must("response").lower().encode())
        if not same or password is None:
            return self.challenge(now, why=f"wrong password, or no such user: {shown(user)}")
        if not 0 <= now - issued / 1000 <= self._lifetime_s or issued <= self._forgotten:
            return self.challenge(now, stale=True, why="the nonce is stale")
        if not self._take(nonce, count):
            return self.challenge(now, stale=True, why=f"count {count} was used before")
        return Verdict(user=user)

    # Nonces

    def _nonce(self, now: float) -> str:
        self._salt = (self._salt + 1) % (1 << 8 * _SALT)
        head = int(now * 1000).to_bytes(_TIME, "big") + self._salt.to_bytes(_SALT, "big")
        return urlsafe_b64encode(head + bytes.fromhex(self._mac(head))[:_MAC]).decode().rstrip("=")

    def _issued(self, nonce: str) -> int | None:
        """When we made it, in milliseconds; None if we did not."""
        try:
            raw = urlsafe_b64decode(nonce.encode() + b"=" * (-len(nonce) % 4))
        except (Base64Error, ValueError):
            return None
        head, mac = raw[: _TIME + _SALT], raw[_TIME + _SALT :]
        if not hmac.compare_digest(mac, bytes.fromhex(self._mac(head))[:_MAC]):
            return None
        return int.from_bytes(head[:_TIME], "big")

    def _mac(self, data: bytes) -> str:
        return hmac.new(self._secret, data + self.realm.encode(), sha256).hexdigest()

    def _take(self, nonce: str, count: int) -> bool:
        used = self._used.get(nonce)
        if used is None:
            used = self._used[nonce] = _Used()
            if len(self._used) > self._most:
                oldest, _ = self._used.popitem(last=False)
                self._forgotten = max(self._forgotten, self._issued(oldest) or 0)
        return used.take(count)


def _count(text: str, header: str) -> int:
    try:
        if len(text) == 8:
            return int(text, 16)
    except ValueError:
        pass
    raise SipSyntaxError(header, f"nc is not eight hexadecimal digits: {shown(text)}")
