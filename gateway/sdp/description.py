"""Session descriptions (RFC 8866): parsed, and written back the same.

Tolerant of what peers really send (bare line feeds, missing ``s=`` and ``t=``, unknown lines),
strict where a guess would send sound to the wrong place: ``m=``, ``c=``, ``o=``, ``rtpmap``.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from gateway.errors import GatewayError

Attribute = tuple[str, str | None]  # a=name:value; None: a=name

ORDER = "vosiuepcbtrzka"  # of lines within a section (RFC 8866 section 5)
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
LIMIT = 64  # media sections


class SdpError(GatewayError):
    """A description that cannot be read; ``line`` is the line that is wrong, empty if all is."""

    def __init__(self, line: str, detail: str) -> None:
        super().__init__(f"SDP line {line[:60]!a}: {detail}" if line else f"SDP: {detail}")
        self.line = line
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Codec:
    """One encoding; ``payload`` is its static payload type, or the one we number it by."""

    name: str
    rate: int
    payload: int
    channels: int = 1
    fmtp: str = ""

    def same(self, other: "Codec") -> bool:
        """The same encoding, whatever its number (RFC 3264 section 6.1)."""
        mine = (self.name.upper(), self.rate, self.channels)
        return mine == (other.name.upper(), other.rate, other.channels)


# RFC 3551 section 6: types that need no rtpmap; and the one that custom has settled on for
# digits, since some peers offer a bare 101.
STATIC = {
    codec.payload: codec
    for codec in (
        Codec("PCMU", 8000, 0),
        Codec("GSM", 8000, 3),
        Codec("PCMA", 8000, 8),
        Codec("G722", 8000, 9),
        Codec("CN", 8000, 13),
        Codec("G729", 8000, 18),
        Codec("telephone-event", 8000, 101),
    )
}


@dataclass(frozen=True, slots=True)
class Origin:
    username: str = "-"
    session_id: str = "0"
    version: int = 0
    address: str = "0.0.0.0"

    def __str__(self) -> str:
        tail = f"IN {family(self.address)} {self.address}"
        return f"{self.username} {self.session_id} {self.version} {tail}"


@dataclass(frozen=True, slots=True)
class Section:
    """What the session and each of its media have in common."""

    connection: str | None = None  # the address of c=
    attributes: tuple[Attribute, ...] = ()
    others: tuple[tuple[str, str], ...] = ()  # lines nobody here reads: i= b= k= …

    def attribute(self, name: str) -> str | None:
        """The value of the first ``a=name``; "" if it has none; None if it is not there."""
        for known, value in self.attributes:
            if known == name:
                return value or ""
        return None

    @property
    def direction(self) -> str | None:
        return next((name for name, _ in self.attributes if name in DIRECTIONS), None)

    def _lines(self, first: list[tuple[str, str]]) -> list[str]:
        lines = [*first, *self.others]
        if self.connection is not None:
            lines.append(("c", f"IN {family(self.connection)} {self.connection}"))
        lines += (("a", name if v is None else f"{name}:{v}") for name, v in self.attributes)
        return [f"{kind}={value}" for kind, value in sorted(lines, key=lambda at: _rank(at[0]))]


@dataclass(frozen=True, slots=True)
class Media(Section):
    """One ``m=`` section. Port 0: refused, or taken out of the session."""

    kind: str = "audio"
    port: int = 0
    protocol: str = "RTP/AVP"
    formats: tuple[str, ...] = ()

    def codec(self, payload: str) -> Codec | None:
        """What this payload type means here; None if nothing says so."""
        if not re.fullmatch("[0-9]{1,3}", payload) or int(payload) > 127:
            return None
        number = int(payload)
        for name, value in self.attributes:
            if name == "rtpmap" and value is not None and value.split(" ")[0] == payload:
                return _rtpmap(value, number, self._fmtp(payload))
        return STATIC.get(number)

    def codecs(self) -> list[Codec]:
        """Every format that is understood, in the order of preference."""
        found = (self.codec(payload) for payload in self.formats)
        return [codec for codec in found if codec is not None]

    def milliseconds(self, name: str) -> int | None:
        """``ptime`` or ``maxptime``; what is no sensible number is as good as absent."""
        match = re.match(r"\s*([0-9]{1,4})(?:\.[0-9]*)?\s*$", self.attribute(name) or "")
        return int(match[1]) or None if match else None

    def _fmtp(self, payload: str) -> str:
        for name, value in self.attributes:
            if name == "fmtp" and value is not None and value.split(" ")[0] == payload:
                return value.partition(" ")[2].strip()
        return ""

    def lines(self) -> list[str]:
        head = f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}"
        return [head, *self._lines([])]


@dataclass(frozen=True, slots=True)
class Description(Section):
    origin: Origin = field(default_factory=Origin)
    name: str = "-"
    times: tuple[str, ...] = ("0 0",)
    media: tuple[Media, ...] = ()

    @staticmethod
    def parse(data: bytes) -> "Description":
        """Raises SdpError."""
        return _parse(data)

    def address_of(self, media: Media) -> str | None:
        """Where this media wants its packets: its own c=, or the session's."""
        return media.connection or self.connection

    def direction_of(self, media: Media) -> str:
        return media.direction or self.direction or "sendrecv"

    def __bytes__(self) -> bytes:
        first = [("v", "0"), ("o", str(self.origin)), ("s", self.name)]
        lines = self._lines([*first, *(("t", times) for times in self.times)])
        lines += (line for media in self.media for line in media.lines())
        return ("\r\n".join(lines) + "\r\n").encode()


def family(address: str) -> str:
    """IP4 or IP6, as ``o=`` and ``c=`` name it."""
    return "IP6" if ":" in address else "IP4"


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # section 9 has none in a line but the tab


def _rank(kind: str) -> int:
    return ORDER.find(kind) if kind in ORDER else len(ORDER)


def _parse(data: bytes) -> Description:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    sections: list[list[tuple[str, str]]] = [[]]
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        line = _CONTROL.sub(" ", raw).strip()
        if not line:
            continue
        kind, equals, value = line[:1], line[1:2], line[2:]
        if equals != "=" or not kind.isascii() or not kind.isalpha():
            raise SdpError(line, "expected a letter and '='")
        if kind == "m":
            sections.append([])
            if len(sections) > LIMIT + 1:
                raise SdpError(line, f"more than {LIMIT} media")
        sections[-1].append((kind, value.strip()))
    head, *rest = sections
    if not head or head[0][0] != "v":
        raise SdpError(f"{head[0][0]}={head[0][1]}" if head else "", "expected v=0 first")
    if head[0][1] != "0":
        raise SdpError(f"v={head[0][1]}", "only version 0 is known")
    first = dict(reversed(head))
    connection, attributes, others = _common(head, "vost")
    return Description(
        connection,
        attributes,
        others,
        origin=_origin(first["o"]) if "o" in first else Origin(),
        name=first.get("s") or "-",
        times=tuple(value for kind, value in head if kind == "t") or ("0 0",),
        media=tuple(_media(section) for section in rest),
    )


def _common(
    lines: list[tuple[str, str]], known: str
) -> tuple[str | None, tuple[Attribute, ...], tuple[tuple[str, str], ...]]:
    connection: str | None = None
    attributes: list[Attribute] = []
    others: list[tuple[str, str]] = []
    for kind, value in lines:
        if kind == "a":
            name, colon, content = value.partition(":")
            attributes.append((name.strip(), content.strip() if colon else None))
        elif kind == "c":
            connection = connection or _connection(value)
        elif kind not in known:
            others.append((kind, value))
    others.sort(key=lambda line: _rank(line[0]))
    return connection, tuple(attributes), tuple(others)


def _connection(value: str) -> str:
    parts = value.split()
    if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in ("IP4", "IP6"):
        raise SdpError(f"c={value}", "expected IN IP4 or IP6 and an address")
    address = parts[2].partition("/")[0]  # a multicast address carries its TTL
    try:
        ip_address(address)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", address) or address.replace(".", "").isdigit():
            raise SdpError(f"c={value}", "not an address") from None
    return address


def _origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) != 6 or not re.fullmatch(r"[0-9]{1,30}", parts[2]):
        raise SdpError(f"o={value}", "expected name, id, version, IN, IP4 or IP6, address")
    return Origin(parts[0], parts[1], int(parts[2]), parts[5])


def _media(lines: list[tuple[str, str]]) -> Media:
    value = lines[0][1]
    parts = value.split()
    if len(parts) < 4:
        raise SdpError(f"m={value}", "expected kind, port, protocol, formats")
    port = re.fullmatch(r"([0-9]{1,5})(?:/[0-9]+)?", parts[1])
    if port is None or int(port[1]) > 65535:
        raise SdpError(f"m={value}", f"{parts[1]} is not a port")
    connection, attributes, others = _common(lines[1:], "")
    media = Media(
        connection, attributes, others, kind=parts[0].lower(), port=int(port[1]),
        protocol=parts[2].upper(), formats=tuple(parts[3:]),
    )  # fmt: skip
    if media.kind == "audio":
        media.codecs()  # a broken rtpmap is an error now, not in the middle of a call
    return media


def _rtpmap(value: str, payload: int, fmtp: str) -> Codec:
    match = re.fullmatch(r"[0-9]+\s+([^/\s]+)\s*/\s*([0-9]{1,6})(?:\s*/\s*([0-9]{1,2}))?", value)
    if match is None:
        raise SdpError(f"a=rtpmap:{value}", "expected payload type and name/rate")
    name, rate, channels = match.groups()
    return Codec(name, int(rate), payload, int(channels or 1), fmtp)
