"""Messages: read, written, and refused with the name of what is wrong."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import CSeq, Headers, NameAddr, Reason, Via, best_reason
from gateway.sip.message import Limits, Request, Response, parse
from gateway.sip.uri import Uri

INVITE = b"""\
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport
Max-Forwards: 70
From: "Alice" <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>
Call-ID: 1@example.com
CSeq: 1 INVITE
Contact: <sip:alice@192.0.2.1>
X-Account: 42
Content-Type: application/sdp
Content-Length: 5

v=0
""".replace(b"\n", b"\r\n")


def changed(old: bytes, new: bytes) -> Request:
    assert old in INVITE
    message = parse(INVITE.replace(old, new))
    assert isinstance(message, Request)
    return message


def test_invite_is_read() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    message.check()
    assert (message.method, message.user, message.body) == ("INVITE", "bob", b"v=0\r\n")
    assert (message.from_.display, message.from_.tag, message.to.tag) == ("Alice", "a", "")
    assert (message.via.branch, message.via.param("rport")) == ("z9hG4bK1", "")
    assert message.headers.get("x-account") == "42"
    assert message.cseq == CSeq(1, "INVITE")
    assert parse(bytes(message)) == message
    assert [name for name, _ in parse(bytes(message)).headers][-2:] == ["X-Account", "Content-Type"]


def test_compact_forms_folding_and_lists_mean_the_same() -> None:
    message = parse(
        b"SIP/2.0 200 OK\r\n"
        b"v: SIP / 2.0 / UDP first.example.com: 4000;ttl=16\r\n"
        b"\t;maddr=224.2.0.1 ;branch=z9hG4bKa\r\n"
        b"VIA:SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKb , SIP/2.0/UDP c;branch=z9hG4bKc\r\n"
        b"f: sip:a@b;tag=x\r\nt : <sip:c@d;user=phone>;tag=y\r\ni: 1\r\ncSEQ: 0009  INVITE\r\n"
        b'm: "a, \\"b\\" <c>" <sip:x@y?a=1,2>;q=0.5, <sip:z@y>\r\nl: 0\r\n\r\n'
    )
    message.check()
    vias = [Via.parse(value) for value in message.headers.values("Via")]
    assert [(v.transport, v.host, v.port, v.branch) for v in vias] == [
        ("UDP", "first.example.com", 4000, "z9hG4bKa"),
        ("TCP", "[2001:db8::1]", 5060, "z9hG4bKb"),
        ("UDP", "c", None, "z9hG4bKc"),
    ]
    assert (message.from_.tag, message.to.tag, message.to.uri.params) == (
        "x", "y", (("user", "phone"),),
    )  # fmt: skip
    assert message.cseq.number == 9
    assert message.contact is not None
    assert (message.contact.display, message.contact.param("q")) == ('a, "b" <c>', "0.5")
    assert len(message.headers.values("Contact")) == 2


@pytest.mark.parametrize(
    ("old", "new", "status", "header"),
    [
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE", 400, "CSeq"),
        (b"CSeq: 1 INVITE", b"CSeq: x INVITE", 400, "CSeq"),
        (b"CSeq: 1 INVITE", b"CSeq: 9999999999 INVITE", 400, "CSeq"),
        (b"CSeq: 1 INVITE\r\n", b"", 400, "CSeq"),
        (b"Call-ID: 1@example.com\r\n", b"", 400, "Call-ID"),
        (b"To: <sip:bob@example.com>", b"To: <sip:bob@example.com", 400, "To"),
        (b"To: <sip:bob@example.com>", b"To: <sip:bob@exa mple.com>", 400, "To"),
        (b'From: "Alice" ', b'From: "Alice ', 400, "From"),
        (b"From: ", b"From: <sip:x@y>;tag=b\r\nFrom: ", 400, "From"),
        (b"SIP/2.0/UDP 192", b"SIP/2.0/UDP:192", 400, "Via"),
        (b"192.0.2.1:5060;b", b"192.0.2.1:99999;b", 400, "Via"),
        (b"bob@example.com SIP/2.0", b"bob@example.com SIP/7.0", 505, "Request line"),
        (b"INVITE sip:bob@example.com ", b"INVITE bob ", 400, "Request-URI"),
        (b"Max-Forwards: 70", b"Max-Forwards: -1", 400, "Max-Forwards"),
        (b"Max-Forwards: 70", b"Max-Forwards: 300", 400, "Max-Forwards"),
        (b"Content-Length: 5", b"Content-Length: 500", 400, "Content-Length"),
        (b"Content-Length: 5", b"Content-Length: five", 400, "Content-Length"),
        (b"Content-Length: 5", b"Content-Length: 5\r\nl: 4", 400, "Content-Length"),
        (b"X-Account: 42", b"X-Account: " + b"4" * 9000, 513, "X-Account"),
        (b"X-Account: 42", b"X-Account: a\0b", 400, "X-Account"),
        (b"X-Account: 42", b"X-Account 42", 400, "Message"),
        (b"X-Account: 42\r\n", b"X-A: 1\r\n" * 300, 513, "Message"),
    ],
)
def test_what_is_wrong_is_named(old: bytes, new: bytes, status: int, header: str) -> None:
    message = changed(old, new)
    with pytest.raises(SipSyntaxError) as error:
        message.check()
    assert (error.value.status, error.value.header) == (status, header)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"hello\r\n\r\n", INVITE[:-20], b"\xff" * 99])
def test_what_is_no_message_is_refused_whole(data: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        parse(data)


def test_a_message_may_be_too_large() -> None:
    with pytest.raises(SipSyntaxError) as error:
        parse(INVITE, Limits(message=100))
    assert error.value.status == 513


def test_bytes_beyond_the_announced_length_are_not_body() -> None:
    assert changed(b"v=0\r\n", b"v=0\r\ntrailing").body == b"v=0\r\n"


def test_latin_1_of_old_phones_is_understood() -> None:
    assert changed(b'"Alice"', b'"Andr\xe9"').from_.display == "André"


def test_no_value_can_forge_a_header() -> None:
    headers = Headers([("X-Name", "a\r\nX-Admin: yes")])
    assert list(headers) == [("X-Name", "a X-Admin: yes")]
    with pytest.raises(ValueError, match="name"):
        headers.add("X: y\r\nZ", "1")
    response = Response(status=486, reason="Busy\r\nX-Admin: yes", headers=headers)
    assert "X-Admin" not in parse(bytes(response)).headers


def test_reply_copies_what_section_8_2_6_2_says() -> None:
    request = parse(INVITE)
    assert isinstance(request, Request)
    response = request.reply(180, tag="b")
    assert response.to.tag == "b"
    for name in ("Via", "From", "Call-ID", "CSeq"):
        assert response.headers.all(name) == request.headers.all(name)


def test_q850_is_preferred_among_reasons() -> None:
    both = Headers([("Reason", 'SIP;cause=486;text="Busy", Q.850;cause=17;text="User; busy"')])
    assert best_reason(both) == Reason("Q.850", 17, "User; busy")
    assert best_reason(Headers()) == Reason("")
    assert str(Reason("Q.850", 16, 'said "bye"')) == 'Q.850;cause=16;text="said \\"bye\\""'


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@example.com", "sip:alice:secret@example.com:5070;transport=tcp;lr",
        "sips:1212@gateway.com", "sip:+1-212-555-1212;phone-context=x.com@gw.com;user=phone",
        "sip:%61lice%40home@example.com?subject=a%20b&to=c", "sip:[2001:db8::10]:5070",
        "sip:example.com", "sip:a;b?c@d", "tel:+1-201-555-0123;ext=7", "urn:service:sos",
        "sip:user@host;maddr=239.255.255.1;ttl=15;=odd",
    ],
)  # fmt: skip
def test_uri_is_written_as_it_was_read(text: str) -> None:
    if text.endswith(";=odd"):
        assert str(Uri.parse(text)) == text
    assert str(Uri.parse(text)) == text


def test_uri_parts_are_derived() -> None:
    uri = Uri.parse("sip:%61lice%40home;x=1:pw@[2001:db8::10]:5070;transport=TCP;lr")
    assert (uri.user, uri.address, uri.port) == ("alice@home", "2001:db8::10", 5070)
    assert (uri.transport, uri.param("lr"), uri.param("maddr")) == ("tcp", "", None)
    assert Uri.parse("tel:+1-201;ext=7").user == "+1-201"
    assert str(Uri.sip("a b", "2001:db8::1", 5061, "tcp")) == (
        "sip:a%20b@[2001:db8::1]:5061;transport=tcp"
    )


@pytest.mark.parametrize(
    "text", ["", "alice", "sip:", "sip:@", "sip:a@b:0", "sip:a@b:99999", "sip:a b@c", "sip:a@b@c",
             "1x:y", "tel:", "sip:a@[::1", "sip:a@b\r\n"]
)  # fmt: skip
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        Uri.parse(text)


tokens = st.from_regex(r"[A-Za-z0-9.!%*_+`'~-]{1,12}", fullmatch=True)
names = tokens.filter(lambda name: name.lower() not in ("content-length", "l"))
texts = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=30)
printable = st.text(st.characters(min_codepoint=32, categories=("L", "N", "P", "S", "Zs")))
words = printable.map(lambda t: " ".join(t.split())).filter(str.isprintable)
hosts = st.sampled_from(["example.com", "192.0.2.1", "[2001:db8::1]"])
params = st.lists(st.tuples(tokens, st.none() | tokens), max_size=3).map(tuple)
uris = st.builds(
    Uri,
    scheme=st.sampled_from(["sip", "sips"]),
    userinfo=st.none() | tokens,
    host=hosts,
    port=st.none() | st.integers(1, 65535),
    params=params,
    query=st.none() | tokens,
)


@given(uri=uris, display=words, params=params)
def test_name_addr_survives_the_journey(uri: Uri, display: str, params: object) -> None:
    address = NameAddr(uri, display, params)  # type: ignore[arg-type]
    assert NameAddr.parse(str(address), "To") == address


@given(
    st.builds(
        Request,
        method=tokens,
        target=uris.map(str),
        headers=st.lists(st.tuples(names, words)).map(Headers),
        body=st.binary(max_size=200),
    )
    | st.builds(
        Response,
        status=st.integers(100, 699),
        reason=words,
        headers=st.lists(st.tuples(names, words)).map(Headers),
        body=st.binary(max_size=200),
    )
)
def test_message_survives_the_journey(message: Request | Response) -> None:
    again = parse(bytes(message))
    assert again == message
    assert list(again.headers) == list(message.headers)


@given(st.binary(max_size=300))
def test_garbage_is_only_ever_a_syntax_error(data: bytes) -> None:
    for attempt in (data, INVITE[:17] + data, INVITE[:-7] + data, INVITE[:60] + data + INVITE[60:]):
        try:
            message = parse(attempt)
            message.check()
        except SipSyntaxError:
            continue
        assert parse(bytes(message)) == message


@given(st.integers(0, len(INVITE)), st.binary(min_size=1, max_size=3))
def test_damage_is_only_ever_a_syntax_error(at: int, damage: bytes) -> None:
    with suppress(SipSyntaxError):
        parse(INVITE[:at] + damage + INVITE[at + len(damage) :]).check()
