"""The small words of SIP's grammar that every header is made of (RFC 3261 section 25.1)."""

import re

from gateway.errors import GatewayError

TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+"

Params = tuple[tuple[str, str | None], ...]  # in order, as written; None: a name without "="
_NEEDS_QUOTES = re.compile(r'[ \t",<>]')  # or it is no value


class SipSyntaxError(GatewayError):
    """The peer's message breaks the grammar; ``status`` is what a request is answered with."""

    def __init__(self, header: str, detail: str, status: int = 400) -> None:
        super().__init__(f"{header}: {detail}")
        self.header = header
        self.detail = detail
        self.status = status


def shown(text: str) -> str:
    """Text of the peer's, short enough and safe to be put into an error."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """A quoted-string's content, or the text itself if it is not quoted."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if "\\" in text else text[1:-1]


def split(text: str, separator: str, header: str) -> list[str]:
    """Split at a separator that stands outside of quotes and angle brackets."""
    if separator not in text:
        return [text.strip()]
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts, start, at, bracket = [], 0, 0, False
    while at < len(text):
        char = text[at]
        if char == '"':
            quoted = QUOTED.match(text, at)
            if quoted is None:
                raise SipSyntaxError(header, f"a quoted string does not end: {shown(text[at:])}")
            at = quoted.end()
            continue
        if char == "<":
            bracket = True
        elif char == ">":
            bracket = False
        elif char == separator and not bracket:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    return [*parts, text[start:].strip()]


def parse_params(text: str, header: str) -> Params:
    """``;name=value;flag``, as it stands after a header's value. A last ";" is forgiven."""
    if not text.strip():
        return ()
    if not text.lstrip().startswith(";"):
        raise SipSyntaxError(header, f"expected parameters, found {shown(text)}")
    found: list[tuple[str, str | None]] = []
    parts = split(text, ";", header)[1:]
    for part in parts if parts[-1] else parts[:-1]:
        name, equals, value = part.partition("=")
        name, value = name.rstrip(), value.lstrip()
        if not TOKEN.fullmatch(name):
            raise SipSyntaxError(header, f"not a parameter's name: {shown(name)}")
        if value.startswith('"'):
            if not QUOTED.fullmatch(value):
                raise SipSyntaxError(header, f"{name} has a broken quoted string")
        elif _NEEDS_QUOTES.search(value):
            raise SipSyntaxError(header, f"{name} has a value that needs quotes: {shown(value)}")
        found.append((name, value if equals else None))
    return tuple(found)


def write_params(params: Params) -> str:
    return "".join(f";{name}" if v is None else f";{name}={v}" for name, v in params)


def param(params: Params, name: str) -> str | None:
    """A parameter's value without its quotes; "" for a bare name; None if it is not there."""
    for known, value in params:
        if known.lower() == name:
            return unquote(value) if value is not None else ""
    return None


def with_param(params: Params, name: str, value: str | None) -> Params:
    """The parameters with this one set, in its old place if it had one."""
    if any(known.lower() == name for known, _ in params):
        return tuple((k, value) if k.lower() == name else (k, v) for k, v in params)
    return (*params, (name, value))
