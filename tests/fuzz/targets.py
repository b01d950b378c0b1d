"""What the hostile internet reaches first, each as one function of bytes.

A target returns, or fails by an exception that is not the module's own. What parses must also be
written and read again unchanged.
"""

import random
from collections.abc import Callable
from contextlib import suppress

from sound_targets import SOUND

from gateway.sdp import (
    G711,
    Description,
    Local,
    NoCommonCodec,
    SdpError,
    agree,
    make_answer,
    make_offer,
)
from gateway.sip.challenger import Challenger
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.framing import PING, PONG, Frames
from gateway.sip.grammar import SipSyntaxError, parse_params, write_params
from gateway.sip.headers import CSeq, Headers, NameAddr, Reason, Via
from gateway.sip.inspection import Objection, description
from gateway.sip.message import Request, Response, parse
from gateway.sip.stack import Stack
from gateway.sip.uri import Uri


def message(data: bytes) -> None:
    try:
        found = parse(data)
    except SipSyntaxError:
        return
    again = parse(bytes(found))
    assert again == found, "what was written is read as something else"
    with suppress(SipSyntaxError):
        found.check()
        if isinstance(found, Request):
            _ = found.user, bytes(found.reply(400, "Bad", "tag"))
    with suppress(SipSyntaxError, Objection):
        description(found)


def uri(data: bytes) -> None:
    try:
        found = Uri.parse(data.decode("utf-8", "replace"))
    except SipSyntaxError:
        return
    assert Uri.parse(str(found)) == found
    _ = found.user, found.address, found.transport


def headers(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(SipSyntaxError):
        name_addr = NameAddr.parse(text, "To")
        assert NameAddr.parse(str(name_addr), "To") == name_addr
        _ = name_addr.tag, name_addr.with_tag("x")
    with suppress(SipSyntaxError):
        via = Via.parse(text)
        assert Via.parse(str(via)) == via
    with suppress(SipSyntaxError):
        cseq = CSeq.parse(text)
        assert CSeq.parse(str(cseq)) == cseq
    with suppress(SipSyntaxError):
        params = parse_params(text, "x")
        assert parse_params(write_params(params), "x") == params
    with suppress(SipSyntaxError):
        Reason.parse(text)
    with suppress(SipSyntaxError):
        Headers([("Route", text)]).values("Route")


def sdp(data: bytes) -> None:
    try:
        found = Description.parse(data)
    except SdpError:
        return
    assert Description.parse(bytes(found)) == found
    local = Local("192.0.2.2", 4000, session_id=1)
    with suppress(SdpError, NoCommonCodec):
        make_answer(found, local, G711)
    with suppress(SdpError, NoCommonCodec):
        agree(make_offer(local, G711), found)


def digest(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    challenger = Challenger(b"secret", "example.com", rfc2069=True, qops=("auth", "auth-int"))
    request = Request(method="INVITE", target="sip:x", headers=Headers([("Authorization", text)]))
    verdict = challenger.check(request, {"bob": "secret"}.get, 1.0)
    assert verdict.status in (400, 401), "nobody could have known the password"
    response = Response(status=401, reason="", headers=Headers([("WWW-Authenticate", text)]))
    attempt = Authorizer(Credentials("bob", "secret"), lambda: "cnonce").begin()
    attempt(request, response)


def framing(data: bytes) -> None:
    """Cut anywhere, a stream gives the same frames; the first byte says where."""
    step, stream = (data[0] % 40 + 1 if data else 1), data[1:]
    whole, failed = _frames([stream])
    parts, failed_too = _frames([stream[at : at + step] for at in range(0, len(stream), step)])
    assert parts[: len(whole)] == whole[: len(parts)]
    assert failed or failed_too or parts == whole
    assert all(frame in (PING, PONG) or b"\r\n\r\n" in frame for frame in whole)


def _frames(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    frames, found = Frames(), []
    for piece in pieces:
        try:
            found += frames.feed(piece)
        except SipSyntaxError:
            return found, True
    return found, False


def stack(data: bytes) -> None:
    """Whatever comes, the stack goes on; and it answers nobody but the source."""
    agent = Stack(
        on_invite=lambda session: session.answer(b"v=0\r\n"),
        sent_by=lambda *_: ("example.com", 5060),
        clock=lambda: 0.0,
        rng=random.Random(1),
    )
    for transport in ("udp", "tcp"):
        agent.receive(data, ("192.0.2.1", 5060), transport, 0.0)
        agent.deliver()
    assert {sent.destination[0] for sent in agent.outbox} <= {"192.0.2.1"}


TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message,
    "uri": uri,
    "headers": headers,
    "sdp": sdp,
    "digest": digest,
    "framing": framing,
    "stack": stack,
    **SOUND,
}
