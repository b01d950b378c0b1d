"""Digest's client side: answering 401 and 407 (RFC 7616, RFC 8760, RFC 3261 section 22).

``Credentials`` are who we are, for as many calls as there are; an ``Authorizer`` is what one
call or registration remembers: the challenges it has met, the counts of their nonces, and how
often it has tried, since trying a wrong password again and again locks accounts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.sip.digest import ALGORITHMS, Fields, Sum, algorithm_of, extended, write
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.message import Request, Response

_STRENGTH = list(ALGORITHMS)
_PAIRS = {401: ("WWW-Authenticate", "Authorization"),
          407: ("Proxy-Authenticate", "Proxy-Authorization")}  # fmt: skip
TRIES = 2  # for one request in one realm, the second only if the first nonce was stale
REALMS = 4  # that one request may have to be believed in


def strongest(challenges: Sequence[Fields]) -> Fields | None:
    """The challenge to be answered: of the best algorithm that is known here, the first."""
    best, rank = None, -1
    for challenge in challenges:
        found = algorithm_of(challenge.get("algorithm") or "MD5")
        qops = challenge.qops
        if found is None or not challenge.get("nonce") or "realm" not in challenge.values:
            continue
        if qops and not {"auth", "auth-int"} & set(qops):
            continue
        if _STRENGTH.index(found[0]) > rank:
            best, rank = challenge, _STRENGTH.index(found[0])
    return best


@dataclass(frozen=True, slots=True)
class Credentials:
    """With a ``realm``, they are told to no other."""

    user: str
    password: str = field(repr=False)
    realm: str = ""

    def answer(
        self,
        challenges: Sequence[Fields],
        method: str,
        uri: str,
        body: bytes = b"",
        *,
        cnonce: str,
        nc: int = 1,
    ) -> str | None:
        """The value of (Proxy-)Authorization, or None if there is no challenge to be answered."""
        fitting = [c for c in challenges if self.realm in ("", c.get("realm"))]
        challenge = strongest(fitting)
        found = challenge and algorithm_of(challenge.get("algorithm") or "MD5")
        if not challenge or not found:
            return None
        realm, nonce = challenge.get("realm"), challenge.get("nonce")
        qop = next((qop for qop in ("auth", "auth-int") if qop in challenge.qops), "")
        count = f"{nc:08x}" if qop else ""
        # RFC 2069 has no cnonce, but the -sess variants hash one (RFC 2617 section 3.2.2.2).
        cnonce = cnonce if qop or found[1] else ""
        total = Sum(*found, realm, nonce, method, uri, qop, count, cnonce, body)
        hashed = challenge.get("userhash").lower() == "true"
        named = {"username": total.userhash(self.user) if hashed else self.user}
        if not hashed and not self.user.isascii():
            named = {"username*": extended(self.user)}
        values = {
            **named,
            "realm": realm,
            "nonce": nonce,
            "uri": uri,
            "response": total.response(self.user, self.password),
            "algorithm": challenge.get("algorithm"),
            "cnonce": cnonce,
            "opaque": challenge.get("opaque"),
            "qop": qop,
            "nc": count,
            "userhash": "true" if hashed else "",
        }
        return write({n: v for n, v in values.items() if v or n in ("realm", "uri")})


@dataclass(slots=True)
class _Met:
    """A challenge that was answered."""

    header: str  # that the answer goes into
    challenges: list[Fields]
    nonce: str
    count: int = 0


class Authorizer:
    """What a usage knows of those who challenged it. ``token`` gives a cnonce nobody can guess."""

    def __init__(self, credentials: Credentials, token: Callable[[], str]) -> None:
        self.credentials = credentials
        self._token = token
        self._met: dict[tuple[str, str], _Met] = {}  # by header and realm

    def begin(self) -> "Attempt":
        """For one request, however often it has to be sent."""
        return Attempt(self)

    def meet(self, header: str, realm: str, challenges: list[Fields], nonce: str) -> None:
        """A challenge that is to be answered; a nonce that is known goes on counting."""
        known = self._met.get((header, realm))
        count = known.count if known and known.nonce == nonce else 0
        if known or len(self._met) < REALMS:
            self._met[header, realm] = _Met(header, challenges, nonce, count)

    def write(self, request: Request) -> None:
        """Put an answer to each challenge that was met into the request. For a new one this may
        save a round (RFC 3261 section 22.3)."""
        for header in {met.header for met in self._met.values()}:
            request.headers.drop(header)
        for met in self._met.values():
            met.count += 1
            value = self.credentials.answer(
                met.challenges, request.method, request.target, request.body,
                cnonce=self._token(), nc=met.count,
            )  # fmt: skip
            if value is not None:
                request.headers.take(met.header, value)


class Attempt:
    """Called with the request to be sent anew and the 401 or 407 that the last one got."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._tried: dict[tuple[str, str], int] = {}

    def __call__(self, request: Request, challenge: Response) -> bool:
        """Put the answers into the request; False if they would be what was refused before."""
        asks, answers = _PAIRS.get(challenge.status, ("", ""))
        answered = False
        for realm, challenges in self._by_realm(challenge, asks).items():
            chosen, key = strongest(challenges), (answers, realm)
            if chosen is None:
                continue
            tried = self._tried.get(key, 0)
            if tried >= TRIES or (tried and chosen.get("stale").lower() != "true"):
                return False
            self._tried[key] = tried + 1
            self._authorizer.meet(answers, realm, challenges, chosen.get("nonce"))
            answered = True
        if answered:
            self._authorizer.write(request)
        return answered

    def _by_realm(self, challenge: Response, asks: str) -> dict[str, list[Fields]]:
        found: dict[str, list[Fields]] = {}
        for text in challenge.headers.all(asks) if asks else ():
            try:
                fields = Fields.parse(text, asks)
            except SipSyntaxError:
                continue  # another challenge may be readable
            if fields is not None and self._wanted(fields.get("realm")):
                found.setdefault(fields.get("realm"), []).append(fields)
        return found

    def _wanted(self, realm: str) -> bool:
        return self._authorizer.credentials.realm in ("", realm)
