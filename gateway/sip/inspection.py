"""What a user agent server looks at before it takes a request (RFC 3261 section 8.2)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from gateway.sip.grammar import param, parse_params, shown
from gateway.sip.headers import Headers
from gateway.sip.message import COOKIE, Message, Request, Response, parse_headers

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER",
           "NOTIFY", "SUBSCRIBE", "MESSAGE")  # fmt: skip
# The methods that there are (the IANA registry), whether they are taken here or not.
REGISTERED = frozenset({
    *METHODS, "MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
})  # fmt: skip
ALLOW = ", ".join(METHODS)
ACCEPT = "application/sdp"
# Option tags that may be required of us: RFC 3262, 4028, 3891, 4488.
EXTENSIONS = frozenset({"100rel", "timer", "replaces", "norefersub"})
SUPPORTED = ", ".join(sorted(EXTENSIONS))

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


def inspect(request: Request, is_ours: Callable[[str], bool], also: Collection[str] = ()) -> None:
    """Raise the first Objection there is. ``is_ours`` knows our own hosts, ``also`` are methods
    that are taken here beside the usual ones."""
    if request.method not in REGISTERED:  # section 21.5.2 tells it from 405
        raise Objection(501, f"{request.method} is not known here", (("Allow", ALLOW),))
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
    for name in ("Answer-Mode", "Priv-Answer-Mode"):  # RFC 5373 section 4.3: not a caller's choice
        if "require" in (request.headers.get(name) or "").lower().replace(" ", "").split(";")[1:]:
            raise Objection(403, f"{name}: here the called party decides how to answer")
    if request.method == "INVITE":
        # An RFC 2543 client, known by its branch, may leave its Contact out.
        if request.contact is None and request.via.branch.startswith(COOKIE):
            raise Objection(400, "Contact: is missing", (warning(399, "an INVITE needs one"),))
        description(request)
        if not _accepts_sdp(request):
            raise Objection(406, f"The answer would be {ACCEPT}, which Accept leaves out")


def capabilities(request: Request, tag: str) -> Response:
    """The answer to OPTIONS (section 11.2)."""
    response = request.reply(200, tag=tag)
    response.headers.take("Allow", ALLOW)
    response.headers.take("Accept", ACCEPT)
    response.headers.take("Accept-Encoding", "identity")
    response.headers.take("Supported", SUPPORTED)
    return response


def _accepts_sdp(request: Request) -> bool:
    """Section 20.1: without an Accept header, SDP is what a user agent accepts."""
    if "Accept" not in request.headers:
        return True
    kinds = {v.partition(";")[0].strip().lower() for v in request.headers.values("Accept")}
    return bool(kinds & {ACCEPT, "application/*", "*/*"})


def content_type(message: Message) -> str:
    """The body's type in lower case, without parameters; "" if there is no body."""
    if not message.body:
        return ""
    return (message.headers.get("Content-Type") or ACCEPT).partition(";")[0].strip().lower()


def description(message: Message) -> bytes | None:
    """The session description in the body, or None. Raises Objection for a body of another kind
    that its sender wants understood (section 20.11)."""
    if not message.body:
        return None
    return _described(message.headers, message.body, 0)


def _described(headers: Headers, body: bytes, depth: int) -> bytes | None:
    kind = headers.get("Content-Type") or ("text/plain" if depth else ACCEPT)
    kind = kind.partition(";")[0].strip().lower()
    optional = _is_optional(headers)
    encoding = (headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        if optional:
            return None
        phrase = f"Unsupported content encoding {shown(encoding)}"
        raise Objection(415, phrase, (("Accept-Encoding", "identity"),))
    if kind == ACCEPT:
        return body
    if kind in ("multipart/mixed", "multipart/alternative") and depth < 2:
        return _among(headers, body, depth)
    if optional:
        return None
    raise Objection(415, f"Unsupported media type {shown(kind)}", (("Accept", ACCEPT),))


def _is_optional(headers: Headers) -> bool:
    _, semicolon, rest = (headers.get("Content-Disposition") or "").partition(";")
    params = parse_params(semicolon + rest, "Content-Disposition")
    return (param(params, "handling") or "required").lower() == "optional"


def _among(headers: Headers, body: bytes, depth: int) -> bytes | None:
    """The SDP among the parts of a multipart body (RFC 5621), beside ISUP, PIDF and the like."""
    kind, semicolon, rest = (headers.get("Content-Type") or "").partition(";")
    boundary = param(parse_params(semicolon + rest, "Content-Type"), "boundary")
    if not boundary:
        raise Objection(400, "Content-Type: multipart without a boundary")
    found = None
    for part in _parts(body, boundary.encode()):
        head, _, content = part.partition(b"\r\n\r\n")
        try:
            sdp = _described(parse_headers(head), content, depth + 1)
        except Objection:
            if kind.strip().lower() == "multipart/alternative":
                continue  # one understood part of several is enough
            raise
        found = sdp if found is None else found
    if found is None and kind.strip().lower() == "multipart/alternative":
        raise Objection(415, "No part of the body is understood", (("Accept", ACCEPT),))
    return found


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the boundaries (RFC 2046 section 5.1.1); a missing last one is forgiven.

    The CRLF before a boundary belongs to it, yet SDP without its own last CRLF is none.
    """
    found = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        found.append(part if part.endswith(b"\r\n") else part + b"\r\n")
    return found
