"""Requests and responses: from bytes and back (RFC 3261 section 7).

Parsing takes two steps. ``parse`` finds the start line and the headers; what cannot even be
taken apart that far is dropped. ``check`` looks at what every message must carry; what fails
there is still whole enough to be answered with the status that the error names.

Content-Length frames a message rather than describing it: the parser consumes it and the
writer computes it, so it is never among the headers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from gateway.sip.grammar import TOKEN, SipSyntaxError, shown
from gateway.sip.headers import CSeq, Headers, NameAddr, Via
from gateway.sip.uri import Uri

COOKIE = "z9hG4bK"  # RFC 3261 section 8.1.1.7: branches that are unique begin so

# The phrases of RFC 3261 section 21, where HTTP's own would say something else.
PHRASES = {s.value: s.phrase for s in HTTPStatus} | {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued",
    183: "Session Progress", 302: "Moved Temporarily", 380: "Alternative Service",
    413: "Request Entity Too Large", 414: "Request-URI Too Long", 416: "Unsupported URI Scheme",
    420: "Bad Extension", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 491: "Request Pending", 493: "Undecipherable",
    500: "Server Internal Error", 504: "Server Time-out", 505: "Version Not Supported",
    513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
    604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What one message may weigh. Beyond it is no phone call but an attack or a mistake."""

    message: int = 65_535  # bytes, headers and body
    headers: int = 200
    line: int = 8_192  # characters of one header, folded lines together


LIMITS = Limits()


@dataclass(slots=True)
class Message:
    """What requests and responses share. Typed views are parsed anew from the text."""

    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    version: str = "2.0"
    fault: SipSyntaxError | None = field(default=None, compare=False)

    @property
    def via(self) -> Via:
        """The topmost Via."""
        values = self.headers.values("Via")
        if not values:
            raise SipSyntaxError("Via", "is missing")
        return Via.parse(values[0])

    @property
    def from_(self) -> NameAddr:
        return NameAddr.parse(self._must("From"), "From")

    @property
    def to(self) -> NameAddr:
        return NameAddr.parse(self._must("To"), "To")

    @property
    def call_id(self) -> str:
        return self._must("Call-ID")

    @property
    def cseq(self) -> CSeq:
        return CSeq.parse(self._must("CSeq"))

    @property
    def contact(self) -> NameAddr | None:
        values = self.headers.values("Contact")
        return NameAddr.parse(values[0], "Contact") if values and values[0] != "*" else None

    def check(self) -> None:
        """Raise SipSyntaxError for what no message may lack or get wrong (section 8.1.1)."""
        if self.fault is not None:
            raise self.fault
        for name in ("From", "To", "Call-ID", "CSeq", "Max-Forwards"):
            if len(self.headers.all(name)) > 1:
                raise SipSyntaxError(name, "is there more than once")
        if not TOKEN.match(self.call_id):
            raise SipSyntaxError("Call-ID", f"is not one: {shown(self.call_id)}")
        _ = self.via, self.from_, self.to, self.cseq, self.contact
        for name in ("Record-Route", "Route"):
            for value in self.headers.values(name):
                NameAddr.parse(value, name)

    def _must(self, name: str) -> str:
        value = self.headers.get(name)
        if value is None:
            raise SipSyntaxError(name, "is missing")
        return value

    def _start_line(self) -> str:
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        lines = [self._start_line(), *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "replace") + self.body


@dataclass(slots=True, kw_only=True)
class Request(Message):
    method: str
    target: str  # the Request-URI as written

    @property
    def uri(self) -> Uri:
        return Uri.parse(self.target, "Request-URI")

    @property
    def user(self) -> str:
        """Whom the Request-URI names."""
        return self.uri.user

    def check(self) -> None:
        if self.version != "2.0":
            raise SipSyntaxError("Request line", f"SIP/{self.version} is not SIP/2.0", 505)
        super(Request, self).check()
        if self.uri.query is not None:  # section 19.1.1 has no headers in a Request-URI
            raise SipSyntaxError("Request-URI", f"carries headers: {shown(self.target)}")
        _ = self.max_forwards
        if self.cseq.method != self.method:
            raise SipSyntaxError("CSeq", f"names {self.cseq.method}, not {self.method}")

    @property
    def max_forwards(self) -> int | None:
        text = self.headers.get("Max-Forwards")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= 255):
            raise SipSyntaxError("Max-Forwards", f"is not 0 to 255: {shown(text)}")
        return int(text)

    def reply(self, status: int, reason: str = "", tag: str = "") -> "Response":
        """A response with the headers that section 8.2.6.2 wants copied."""
        headers = Headers()
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            for value in self.headers.all(name):
                if name == "To" and tag and not self.to.tag:
                    value = f"{value};tag={tag}"
                headers.take(name, value)
        if status == 100 and (stamp := self.headers.get("Timestamp")) is not None:
            headers.take("Timestamp", stamp)
        reason = reason or PHRASES.get(status, "Unknown")
        return Response(status=status, reason=reason, headers=headers)

    def _start_line(self) -> str:
        return f"{self.method} {self.target} SIP/{self.version}"


@dataclass(slots=True, kw_only=True)
class Response(Message):
    status: int
    reason: str

    def _start_line(self) -> str:
        return f"SIP/{self.version} {self.status} {_CONTROL.sub(' ', self.reason)}"


_FOLD = re.compile(r"\r\n[ \t]+")
_VERSION = re.compile(r"SIP/([0-9]+\.[0-9]+)", re.I)
_RESPONSE = re.compile(r"SIP/([0-9]+\.[0-9]+) +([1-6][0-9][0-9])(?: (.*))?", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_QUOTED_PAIR = re.compile(r"\\[^\r\n]")  # section 25.1: within quotes these may be controls


def parse(data: bytes, limits: Limits = LIMITS) -> Request | Response:
    """One whole message. Raises SipSyntaxError if it is not even made of headers."""
    large = None
    if len(data) > limits.message:
        large = SipSyntaxError("Message", f"{len(data)} bytes are too many", 513)
    head, blank, body = data[: limits.message].lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise large or SipSyntaxError("Message", "the headers do not end with an empty line")
    start, *lines = _lines(head)
    message = _start(start)
    message.fault = large
    if len(lines) > limits.headers:
        detail = f"{len(lines)} headers are too many"
        message.fault = message.fault or SipSyntaxError("Message", detail, 513)
    length = _read_headers(message, lines, limits)
    if length is None or length <= len(body):
        message.body = body if length is None else body[:length]
    else:
        detail = f"{length} bytes were announced, {len(body)} came"
        message.fault = message.fault or SipSyntaxError("Content-Length", detail)
    return message


def _start(line: str) -> Request | Response:
    if not line.isprintable() and _CONTROL.search(line):
        raise SipSyntaxError("Start line", f"control characters: {shown(line)}")
    if match := _RESPONSE.fullmatch(line):
        version, status, reason = match.groups()
        return Response(status=int(status), reason=reason or "", version=version)
    method, _, rest = line.partition(" ")
    target, _, version = rest.strip(" ").rpartition(" ")
    target = target.rstrip(" ")
    if TOKEN.fullmatch(method) and target and (match := _VERSION.fullmatch(version)):
        return Request(method=method, target=target.strip("<>"), version=match[1])
    raise SipSyntaxError("Start line", f"neither a request nor a response: {shown(line)}")


def parse_headers(head: bytes) -> Headers:
    """The headers of a part of a body. Raises SipSyntaxError."""
    part = Message()
    _read_headers(part, [line for line in _lines(head) if line.strip()], LIMITS)
    if part.fault is not None:
        raise part.fault
    return part.headers


def _lines(head: bytes) -> list[str]:
    """The start line and the headers, unfolded."""
    try:
        text = head.decode()
    except UnicodeDecodeError:  # section 7.3.1 wants UTF-8; old phones send Latin-1
        text = head.decode("latin-1")
    if "\r\n " in text or "\r\n\t" in text:
        text = " ".join(part.rstrip(" \t") for part in _FOLD.split(text))
    return text.split("\r\n")


def _read_headers(message: Message, lines: Iterable[str], limits: Limits) -> int | None:
    """Fill in the headers; the first thing wrong becomes the message's fault. The length."""
    length = None
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.rstrip(" \t"), value.strip(" \t")
        if not colon or not TOKEN.fullmatch(name):
            detail = f"not a header: {shown(line)}"
            message.fault = message.fault or SipSyntaxError("Message", detail)
            continue
        if len(value) > limits.line:
            detail = f"{len(value)} characters are too many"
            message.fault = message.fault or SipSyntaxError(name, detail, 513)
        elif not value.isprintable() and _CONTROL.search(_QUOTED_PAIR.sub("", value)):
            detail = f"control characters: {shown(value)}"
            message.fault = message.fault or SipSyntaxError(name, detail)
        elif name.lower() in ("content-length", "l"):
            if not (value.isascii() and value.isdigit() and len(value) < 10):
                detail = f"not a length: {shown(value)}"
                message.fault = message.fault or SipSyntaxError("Content-Length", detail)
            elif length is not None and length != int(value):
                detail = "two different lengths"
                message.fault = message.fault or SipSyntaxError("Content-Length", detail)
            else:
                length = int(value)
        else:
            message.headers.take(name, value)
    return length
