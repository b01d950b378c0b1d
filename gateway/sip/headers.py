"""Header fields: an ordered collection that forgets nothing, and the values with a structure.

Names compare without regard to case, and a compact form is the same as its long one (RFC 3261
section 7.3.3). Structured values are parsed when somebody asks, from the text that came, so a
header nobody asks for is passed on untouched.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from gateway.sip.grammar import (
    HOST,
    QUOTED,
    TOKEN,
    Params,
    SipSyntaxError,
    param,
    parse_params,
    quote,
    shown,
    split,
    unquote,
    with_param,
    write_params,
)
from gateway.sip.uri import Uri

# RFC 3261 section 20 and the registered ones since (RFC 3265, 3515, 3841, 3892, 4028, 8224).
COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
    "e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported",
    "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject",
    "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip


@lru_cache(maxsize=512)
def _key(name: str) -> str:
    return COMPACT.get(name.lower(), name).lower()


class Headers:
    """(name, value) pairs in the order they came, or will go. Compact names are written long."""

    __slots__ = ("_rows",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._rows: list[tuple[str, str, str]] = []
        for name, value in pairs:
            self.add(name, value)

    def add(self, name: str, value: str, *, at_top: bool = False) -> None:
        """One more header. Line breaks in a value become spaces: no value can forge a header."""
        if not TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not a header's name")
        if not value.isprintable():
            value = " ".join("".join(c if c.isprintable() else " " for c in value).split())
        row = (_key(name), COMPACT.get(name.lower(), name), value)
        self._rows.insert(0, row) if at_top else self._rows.append(row)

    def take(self, name: str, value: str) -> None:
        """Append what the parser has already checked."""
        self._rows.append((_key(name), COMPACT.get(name.lower(), name), value))

    def replace_top(self, name: str, value: str) -> None:
        """Replace the first value of this name and leave the others as they are."""
        key = _key(name)
        for at, (known, written, old) in enumerate(self._rows):
            if known == key:
                rest = split(old, ",", name)[1:]
                self._rows[at] = (key, written, ", ".join([value, *rest]))
                return

    def drop(self, name: str) -> None:
        """Forget every header of this name."""
        key = _key(name)
        self._rows = [row for row in self._rows if row[0] != key]

    def get(self, name: str) -> str | None:
        """The first header of this name, whole."""
        key = _key(name)
        for row in self._rows:
            if row[0] == key:
                return row[2]
        return None

    def all(self, name: str) -> list[str]:
        """Every header of this name, whole, in order."""
        key = _key(name)
        return [row[2] for row in self._rows if row[0] == key]

    def values(self, name: str) -> list[str]:
        """Every value of this name, commas taken apart."""
        key = _key(name)
        return [
            value
            for row in self._rows
            if row[0] == key
            for value in split(row[2], ",", name)
            if value
        ]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._rows)

    def __contains__(self, name: str) -> bool:
        key = _key(name)
        return any(row[0] == key for row in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(k, v) for k, _, v in self._rows] == [(k, v) for k, _, v in other._rows]

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route, Record-Route, Refer-To: who, where, and the header's parameters."""

    uri: Uri
    display: str = ""
    params: Params = ()

    @staticmethod
    def parse(text: str, header: str) -> "NameAddr":
        return _name_addr(text, header)

    @property
    def tag(self) -> str:
        return self.param("tag") or ""

    def param(self, name: str) -> str | None:
        return param(self.params, name)

    def with_tag(self, tag: str) -> "NameAddr":
        return NameAddr(self.uri, self.display, with_param(self.params, "tag", tag))

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{write_params(self.params)}"


@lru_cache(maxsize=1024)
def _name_addr(text: str, header: str) -> NameAddr:
    text = text.strip()
    display = ""
    if text.startswith('"'):
        quoted = QUOTED.match(text)
        if quoted is None:
            raise SipSyntaxError(header, f"a quoted string does not end: {shown(text)}")
        display, text = unquote(quoted[0]), text[quoted.end() :].lstrip()
        if not text.startswith("<"):
            raise SipSyntaxError(header, f"no <address> after the name {shown(display)}")
    bare, bracket, rest = text.partition("<")
    if bracket:
        uri, closing, params = rest.partition(">")
        if not closing:
            raise SipSyntaxError(header, f"'>' is missing: {shown(text)}")
        display = display or " ".join(bare.split())
        return NameAddr(Uri.parse(uri.strip(), header), display, parse_params(params, header))
    # Without brackets, what follows ";" belongs to the header (RFC 3261 section 20).
    uri, semicolon, params = text.partition(";")
    if "?" in uri or "," in uri:
        raise SipSyntaxError(header, f"an address with '?' or ',' needs <>: {shown(text)}")
    return NameAddr(Uri.parse(uri.strip(), header), "", parse_params(semicolon + params, header))


@dataclass(frozen=True, slots=True)
class Via:
    """One hop (RFC 3261 section 20.42)."""

    transport: str  # upper case: UDP, TCP
    host: str  # IPv6 in its brackets
    port: int | None = None
    params: Params = ()

    @staticmethod
    def parse(text: str) -> "Via":
        return _via(text)

    @property
    def branch(self) -> str:
        return self.param("branch") or ""

    def param(self, name: str) -> str | None:
        return param(self.params, name)

    def with_param(self, name: str, value: str | None) -> "Via":
        return Via(self.transport, self.host, self.port, with_param(self.params, name, value))

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{write_params(self.params)}"


_VIA = re.compile(
    rf"SIP\s*/\s*[0-9]\.[0-9]\s*/\s*([A-Za-z0-9-]+)\s+({HOST})(?:\s*:\s*([0-9]{{1,5}}))?\s*(;.*)?",
    re.I,
)


@lru_cache(maxsize=1024)
def _via(text: str) -> Via:
    match = _VIA.fullmatch(text.strip())
    if match is None:
        raise SipSyntaxError("Via", f"not a hop: {shown(text)}")
    transport, host, port, params = match.groups()
    if port is not None and not 0 < int(port) < 65536:
        raise SipSyntaxError("Via", f"{port} is not a port")
    parsed = parse_params(params or "", "Via")
    return Via(transport.upper(), host, int(port) if port else None, parsed)


@dataclass(frozen=True, slots=True)
class CSeq:
    number: int
    method: str

    @staticmethod
    def parse(text: str) -> "CSeq":
        return _cseq(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@lru_cache(maxsize=256)
def _cseq(text: str) -> CSeq:
    number, _, method = text.partition(" ")
    method = method.strip()
    if not (number.isascii() and number.isdigit()) or not TOKEN.fullmatch(method):
        raise SipSyntaxError("CSeq", f"expected a number and a method, found {shown(text)}")
    if len(number) > 10 or int(number) >= 2**31:
        raise SipSyntaxError("CSeq", f"{number[:20]} is not below 2**31")
    return CSeq(int(number), method)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request was sent (RFC 3326): ``protocol`` is SIP, Q.850 or another's name."""

    protocol: str
    cause: int | None = None
    text: str = ""

    @staticmethod
    def parse(text: str) -> "Reason":
        protocol, semicolon, rest = text.partition(";")
        params = parse_params(semicolon + rest, "Reason")
        cause = param(params, "cause") or ""
        number = int(cause) if cause.isascii() and cause.isdigit() and len(cause) < 6 else None
        return Reason(protocol.strip(), number, param(params, "text") or "")

    def __str__(self) -> str:
        cause = "" if self.cause is None else f";cause={self.cause}"
        return f"{self.protocol}{cause}" + (f";text={quote(self.text)}" if self.text else "")


def best_reason(headers: Headers) -> Reason:
    """Why the peer says it ends the call; Q.850 tells more than SIP. Empty if it does not say."""
    found = []
    for value in headers.values("Reason"):
        try:
            found.append(Reason.parse(value))
        except SipSyntaxError:
            continue
    found.sort(key=lambda reason: reason.protocol.upper() != "Q.850")
    return found[0] if found else Reason("")
