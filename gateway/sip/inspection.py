"""What a user agent server looks at before it takes a request (RFC 3261 section 8.2)."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from gateway.sip.grammar import param, parse_params, shown
from gateway.sip.message import Message, Request

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO")
ALLOW = ", ".join(METHODS)
ACCEPT = "application/sdp"
EXTENSIONS: frozenset[str] = frozenset()  # option tags that may be required of us

Extra = tuple[tuple[str, str], ...]


@dataclass(eq=False)
class Objection(Exception):
    """Why a request is refused, and the headers that section 8.2 wants with that status."""

    status: int
    phrase: str
    headers: Extra = ()


def warning(code: int, text: str) -> tuple[str, str]:
    """A Warning header (section 20.43) in the name of this gateway."""
    clean = text.replace("\\", "/").replace('"', "'")
    return ("Warning", f'{code} trunkline "{clean}"')


def inspect(
    request: Request, is_ours: Callable[[str], bool], also: Collection[str] = ()
) -> None:
    """Raise the first Objection there is. ``is_ours`` knows our own hosts, ``also`` are methods
    that are taken here beside the usual ones."""
    if request.method not in METHODS and request.method not in also:
        raise Objection(405, f"{request.method} is not allowed here", (("Allow", ALLOW),))
    if request.uri.scheme not in ("sip", "sips", "tel"):
        raise Objection(416, f"Unsupported URI scheme {request.uri.scheme}")
    if request.max_forwards == 0 and not is_ours(request.uri.address):
        # Having arrived, a request needs no more hops; but this one was meant for elsewhere.
        raise Objection(483, f"Too many hops on the way to {request.uri.host}")
    if request.method in ("ACK", "CANCEL"):
        return  # section 8.2.2.3: nothing can be required of these
    required = [tag for tag in request.headers.values("Require") if tag not in EXTENSIONS]
    if required:
        unsupported = ", ".join(required)
        detail = f"Bad extension: {shown(unsupported)} cannot be required"
        raise Objection(420, detail, (("Unsupported", unsupported),))
    if request.method == "INVITE":
        if request.contact is None:
            raise Objection(400, "Contact: is missing", (warning(399, "an INVITE needs one"),))
        description(request)


def content_type(message: Message) -> str:
    """The body's type in lower case, without parameters; "" if there is no body."""
    if not message.body:
        return ""
    return (message.headers.get("Content-Type") or ACCEPT).partition(";")[0].strip().lower()


def description(message: Message) -> bytes | None:
    """The session description in the body, or None. Raises Objection for bodies of other kinds."""
    if not message.body:
        return None
    encoding = (message.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        phrase = f"Unsupported content encoding {shown(encoding)}"
        raise Objection(415, phrase, (("Accept-Encoding", "identity"),))
    kind = content_type(message)
    if kind == ACCEPT:
        return message.body
    if kind == "multipart/mixed" and (part := _part(message)) is not None:
        return part
    if "handling=optional" in (message.headers.get("Content-Disposition") or "").replace(" ", ""):
        return None
    raise Objection(415, f"Unsupported media type {shown(kind)}", (("Accept", ACCEPT),))


def _part(message: Message) -> bytes | None:
    """The SDP among the parts of a multipart body (RFC 5621), beside ISUP, PIDF and the like."""
    _, semicolon, rest = (message.headers.get("Content-Type") or "").partition(";")
    boundary = param(parse_params(semicolon + rest, "Content-Type"), "boundary")
    if not boundary:
        return None
    for part in (b"\r\n" + message.body).split(b"\r\n--" + boundary.encode())[1:]:
        head, blank, body = part.partition(b"\r\n\r\n")
        if blank and re.search(rb"\r\ncontent-type[ \t]*:[ \t]*application/sdp\b", head, re.I):
            return body + b"\r\n" if not body.endswith(b"\r\n") else body
    return None
