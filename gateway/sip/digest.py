"""Digest authentication: the words and the arithmetic (RFC 7616, 8760; RFC 2617 and 2069).

``Challenger`` asks and judges, ``Credentials`` answer; what both need is here. No password and
no hash of one is ever part of an error, a ``repr`` or a log line.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote as percent
from urllib.parse import unquote as unpercent

from gateway.sip.grammar import QUOTED, TOKEN, SipSyntaxError, quote, shown, split, unquote

Hash = Callable[[bytes], "hashlib._Hash"]

# By name, weakest first (RFC 7616 section 6.1). OpenSSL decides whether the last is to be had.
ALGORITHMS: dict[str, Hash] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
if "sha512_256" in hashlib.algorithms_available:
    ALGORITHMS["SHA-512-256"] = lambda data: hashlib.new("sha512_256", data)

# What is quoted when it is written, as RFC 7616 sections 3.3 and 3.4 want it.
_QUOTED = {"realm", "domain", "nonce", "opaque", "username", "uri", "response", "cnonce"}


def algorithm_of(name: str) -> tuple[str, bool] | None:
    """(its name as in ``ALGORITHMS``, whether it is the -sess variant); None if unknown."""
    plain = name.upper()
    session = plain.endswith("-SESS")
    plain = plain.removesuffix("-SESS")
    return (plain, session) if plain in ALGORITHMS else None


@dataclass(frozen=True, slots=True)
class Fields:
    """A challenge or its answer: parameters by name in lower case, without their quotes."""

    header: str
    values: Mapping[str, str]

    @staticmethod
    def parse(text: str, header: str) -> "Fields | None":
        """None if the scheme is not Digest. Raises SipSyntaxError in the name of ``header``."""
        scheme, _, rest = text.strip().partition(" ")
        if scheme.lower() != "digest":
            return None
        values: dict[str, str] = {}
        for part in split(rest, ",", header):
            if not part:
                continue
            name, equals, value = part.partition("=")
            name, value = name.strip().lower(), value.strip()
            if not equals or not TOKEN.fullmatch(name):
                raise SipSyntaxError(header, f"not a parameter: {shown(part)}")
            if value.startswith('"') and not QUOTED.fullmatch(value):
                raise SipSyntaxError(header, f"{name} has a broken quoted string")
            if name in values:
                raise SipSyntaxError(header, f"{name} is there more than once")
            values[name] = unquote(value)
        return Fields(header, values)

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    def must(self, name: str) -> str:
        value = self.get(name)
        if not value:
            raise SipSyntaxError(self.header, f"{name} is missing")
        return value

    @property
    def qops(self) -> list[str]:
        return [qop.strip().lower() for qop in self.get("qop").split(",") if qop.strip()]

    def __repr__(self) -> str:
        return f"Fields({self.header!r}, {sorted(self.values)})"


def write(values: Mapping[str, str], *, quoted: frozenset[str] = frozenset()) -> str:
    """A header's value from parameters, in their order; ``quoted`` ones beside the usual."""
    parts = (f"{n}={quote(v) if n in _QUOTED | quoted else v}" for n, v in values.items())
    return "Digest " + ", ".join(parts)


@dataclass(frozen=True, slots=True, repr=False)
class Sum:
    """What goes into a response, beside the secret. ``qop`` "" is RFC 2069's way."""

    algorithm: str
    session: bool
    realm: str
    nonce: str
    method: str
    uri: str
    qop: str = ""
    nc: str = ""
    cnonce: str = ""
    body: bytes = b""

    def response(self, user: str, password: str) -> str:
        """RFC 7616 section 3.4.1."""
        h = self._hash
        ha1 = h(f"{user}:{self.realm}:{password}")
        if self.session:
            ha1 = h(f"{ha1}:{self.nonce}:{self.cnonce}")
        a2 = f"{self.method}:{self.uri}"
        if self.qop == "auth-int":
            a2 += f":{ALGORITHMS[self.algorithm](self.body).hexdigest()}"
        if not self.qop:
            return h(f"{ha1}:{self.nonce}:{h(a2)}")
        return h(f"{ha1}:{self.nonce}:{self.nc}:{self.cnonce}:{self.qop}:{h(a2)}")

    def userhash(self, user: str) -> str:
        """RFC 7616 section 3.4.4."""
        return self._hash(f"{user}:{self.realm}")

    def _hash(self, text: str) -> str:
        return ALGORITHMS[self.algorithm](text.encode()).hexdigest()


def username(answer: Fields) -> str:
    """Who says to be answering: ``username``, or ``username*`` (RFC 7616 section 3.4)."""
    extended = answer.get("username*")
    if not extended:
        return answer.must("username")
    charset, _, rest = extended.partition("'")
    _, tick, text = rest.partition("'")
    if charset.upper() != "UTF-8" or not tick or answer.get("username"):
        raise SipSyntaxError(answer.header, "username* is not UTF-8''name, alone")
    return unpercent(text)


def extended(user: str) -> str:
    """A user name for ``username*``."""
    return f"UTF-8''{percent(user, safe='')}"
