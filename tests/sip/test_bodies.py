"""Bodies of an INVITE: which part is the offer, and what is not understood (RFC 5621)."""

import pytest

from gateway.sip.inspection import Objection, description
from gateway.sip.message import parse

SDP = b"v=0\r\n"


def described(body: bytes, kind: str, **headers: str) -> bytes | None:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(["INVITE sip:x SIP/2.0", f"Content-Type: {kind}", *lines, "", ""])
    return description(parse(head.encode() + body))


def part(kind: str, content: bytes, disposition: str = "") -> bytes:
    head = f"Content-Type: {kind}\r\n" if kind else ""
    head += f"Content-Disposition: {disposition}\r\n" if disposition else ""
    return head.encode() + b"\r\n" + content + b"\r\n"


def parts(*found: bytes, boundary: bytes = b"b") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + p for p in found) + b"--" + boundary + b"--\r\n"


OPTIONAL = "signal; handling=optional"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (SDP, "application/sdp"),
        (SDP, "Application/SDP; charset=utf-8"),
        (parts(part("application/sdp", SDP[:-2])), "multipart/mixed;boundary=b"),
        (b"preamble\r\n" + parts(part("application/sdp", SDP[:-2])),
         'multipart/mixed; boundary="b"'),
        (parts(part("application/isup", b"\1\2", OPTIONAL), part("application/sdp", SDP[:-2])),
         "multipart/mixed;boundary=b"),
        (parts(part("application/sdp", SDP[:-2]), part("text/plain", b"hello")),
         "multipart/alternative;boundary=b"),
        (parts(part("multipart/mixed;boundary=c",
                    parts(part("application/sdp", SDP[:-2]), boundary=b"c"))),
         "multipart/mixed;boundary=b"),
        (b"--b\r\nc: application/sdp\r\n\r\nv=0\r\n", "multipart/mixed;boundary=b"),
    ],
)  # fmt: skip
def test_offer_is_found(body: bytes, kind: str) -> None:
    assert described(body, kind) == SDP


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status", "phrase"),
    [
        (b"x", "text/plain", {}, 415, "text/plain"),
        (SDP, "application/sdp", {"Content_Encoding": "gzip"}, 415, "gzip"),
        (parts(part("application/isup", b"\1"), part("application/sdp", SDP)),
         "multipart/mixed;boundary=b", {}, 415, "application/isup"),
        (parts(part("application/isup", b"\1", "signal;handling=required")),
         "multipart/mixed;boundary=b", {}, 415, "application/isup"),
        (parts(part("", b"no type is text")), "multipart/mixed;boundary=b", {}, 415, "text/plain"),
        (parts(part("text/plain", b"x")), "multipart/alternative;boundary=b", {}, 415, "No part"),
        (SDP, "multipart/mixed", {}, 400, "boundary"),
        (parts(), "multipart/signed;boundary=b", {}, 415, "multipart/signed"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(
    body: bytes, kind: str, headers: dict[str, str], status: int, phrase: str
) -> None:
    with pytest.raises(Objection) as refused:
        described(body, kind, **headers)
    assert (refused.value.status, phrase in refused.value.phrase) == (status, True)


def test_what_is_optional_is_left_out() -> None:
    assert described(b"x", "text/plain", Content_Disposition=OPTIONAL) is None
    assert described(b"x", "application/sdp", Content_Disposition=OPTIONAL,
                     Content_Encoding="gzip") is None  # fmt: skip
    assert (
        described(parts(part("text/plain", b"x", OPTIONAL)), "multipart/mixed;boundary=b") is None
    )
    assert described(b"", "text/plain") is None
