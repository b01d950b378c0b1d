"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966), kept as they were written.

A URI is sent on exactly as it was given: nothing is unescaped, reordered or rewritten to
another scheme. What a person or a route wants to know (``user``, ``address``) is derived.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from gateway.sip.grammar import HOST, Params, SipSyntaxError, param, shown, write_params

DEFAULT_PORT = 5060

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_SIP = re.compile(
    rf'(?:([^@<>"\s\x00-\x1f]*)@)?({HOST})(?::([0-9]{{1,5}}))?((?:;[^;?<>"\s]*)*)(?:\?([^<>"\s]*))?'
)
_USER_SAFE = "-_.!~*'()&=+$,;?/"


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI's parts as written. Of ``tel:`` and unknown schemes, ``userinfo`` is the body."""

    scheme: str  # lower case
    userinfo: str | None
    host: str  # IPv6 in its brackets; "" unless sip or sips
    port: int | None = None
    params: Params = ()
    query: str | None = None  # what follows "?"

    @staticmethod
    def parse(text: str, header: str = "URI") -> "Uri":
        """Raises SipSyntaxError in the name of ``header``."""
        return _parse(text, header)

    @staticmethod
    def sip(user: str, host: str, port: int | None = None, transport: str = "udp") -> "Uri":
        """A plain SIP URI; ``user`` is escaped as needed, an IPv6 ``host`` gets its brackets."""
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        params: Params = () if transport == "udp" else (("transport", transport),)
        return Uri("sip", quote(user, _USER_SAFE) if user else None, host, port, params)

    @property
    def user(self) -> str:
        """The user or telephone number, without password, parameters or escapes."""
        raw = self.userinfo or ""
        return unquote(raw.partition(":")[0].partition(";")[0])

    @property
    def address(self) -> str:
        """The host as sockets want it: without brackets."""
        return self.host.strip("[]")

    @property
    def transport(self) -> str:
        return (param(self.params, "transport") or "udp").lower()

    def param(self, name: str) -> str | None:
        return param(self.params, name)

    def __str__(self) -> str:
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.userinfo}{write_params(self.params)}"
        user = "" if self.userinfo is None else f"{self.userinfo}@"
        port = "" if self.port is None else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}:{user}{self.host}{port}{write_params(self.params)}{query}"


def _uri_params(text: str) -> Params:
    pairs = (part.partition("=") for part in text.split(";") if part)
    return tuple((name, value if equals else None) for name, equals, value in pairs)


@lru_cache(maxsize=1024)
def _parse(text: str, header: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise SipSyntaxError(header, f"not a URI: {shown(text)}")
    scheme = scheme.lower()
    if scheme in ("sip", "sips"):
        match = _SIP.fullmatch(rest)
        if match is None:
            raise SipSyntaxError(header, f"not a SIP URI: {shown(text)}")
        userinfo, host, port, params, query = match.groups()
        if port is not None and not 0 < int(port) < 65536:
            raise SipSyntaxError(header, f"{port} is not a port")
        return Uri(scheme, userinfo, host, int(port) if port else None, _uri_params(params), query)
    if not rest or any(c in rest for c in '<>" \t') or not rest.isprintable():
        raise SipSyntaxError(header, f"not a {scheme} URI: {shown(text)}")
    if scheme == "tel":
        number, _, params = rest.partition(";")
        if not number:
            raise SipSyntaxError(header, f"not a tel URI: {shown(text)}")
        return Uri(scheme, number, "", None, _uri_params(params))
    return Uri(scheme, rest, "")
