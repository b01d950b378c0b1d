"""Requests the stack cannot take: the status, the phrase, the header and the note of each."""

import random

import pytest

from gateway.sip.message import Request, Response, parse
from gateway.sip.session import Session
from gateway.sip.stack import Stack

PEER = ("192.0.2.1", 5060)
ALLOW = ("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY, SUBSCRIBE, "
         "MESSAGE")  # fmt: skip
BASE = {
    "Via": "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
    "Max-Forwards": "70",
    "From": "<sip:alice@example.com>;tag=a",
    "To": "<sip:bob@example.com>",
    "Call-ID": "1@example.com",
    "CSeq": "1 INVITE",
    "Contact": "<sip:alice@192.0.2.1>",
}


class Server:
    def __init__(self) -> None:
        self.now = 0.0
        self.sessions: list[Session] = []
        self.stack = Stack(
            on_invite=self.sessions.append,
            sent_by=lambda *_: ("192.0.2.2", 5060),
            clock=lambda: self.now,
            rng=random.Random(1),
        )

    def hear(self, data: bytes, source: tuple[str, int] = PEER, transport: str = "udp") -> None:
        self.stack.receive(data, source, transport, self.now)
        self.stack.deliver()

    def ask(
        self, method: str = "INVITE", target: str = "sip:bob@192.0.2.2", body: bytes = b"",
        source: tuple[str, int] = PEER, version: str = "2.0", **headers: str | None,
    ) -> Response | None:  # fmt: skip
        """Send one request; the last response to it, if there is any."""
        fields = BASE | {"CSeq": f"1 {method}"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}  # type: ignore[misc]
        lines = [f"{method} {target} SIP/{version}"]
        lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
        data = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
        self.stack.outbox.clear()
        self.hear(data, source)
        responses = [parse(sent.data) for sent in self.stack.outbox]
        found = responses[-1] if responses else None
        assert found is None or isinstance(found, Response)
        return found


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    ("change", "status", "phrase", "header"),
    [
        ({"method": "PUBLISH"}, 405, "PUBLISH", ("Allow", ALLOW)),
        ({"method": "REGISTER"}, 405, "REGISTER", ("Allow", None)),
        ({"method": "FOO.BAR"}, 501, "FOO.BAR", ("Allow", None)),
        ({"target": "http://x.com"}, 416, "http", None),
        ({"target": "nobodyknows:x"}, 416, "nobodyknows", None),
        ({"target": "bob"}, 400, "Request-URI", ("Warning", None)),
        ({"version": "3.0"}, 505, "3.0", None),
        ({"Require": "timer, foo"}, 420, "foo", ("Unsupported", "foo")),
        ({"Max_Forwards": "0", "target": "sip:bob@elsewhere.com"}, 483, "elsewhere", None),
        ({"Max_Forwards": "x"}, 400, "Max-Forwards", None),
        ({"Contact": None}, 400, "Contact", None),
        ({"CSeq": "1 BYE"}, 400, "CSeq", ("Warning", None)),
        ({"CSeq": "one INVITE"}, 400, "CSeq", None),
        ({"body": b"hi", "Content_Type": "text/plain"}, 415, "text/plain",
         ("Accept", "application/sdp")),
        ({"body": b"hi", "Content_Encoding": "gzip"}, 415, "gzip", ("Accept-Encoding", "identity")),
        ({"To": "<sip:bob@example.com>;tag=unknown"}, 481, "dialog", None),
        ({"method": "BYE"}, 481, "BYE", None),
        ({"method": "BYE", "To": "<sip:b@c>;tag=x"}, 481, "dialog", None),
        ({"method": "INFO"}, 481, "INFO", None),
        ({"method": "CANCEL"}, 481, "cancel", None),
    ],
)  # fmt: skip
def test_refusal_explains_itself(
    server: Server, change: dict, status: int, phrase: str, header: tuple[str, str | None] | None
) -> None:
    response = server.ask(**change)
    assert response is not None
    assert response.status == status
    assert phrase in response.reason
    assert response.to.tag
    if header:
        name, value = header
        assert name in response.headers
        assert value in (None, response.headers.get(name))
    assert not server.sessions
    (note,) = [note for note in server.stack.events if note.what == "refused"]
    assert note.facts["status"] == status
    assert phrase in str(note.facts["why"])


def test_broken_to_is_refused_without_a_tag(server: Server) -> None:
    response = server.ask(To="<sip:bob@example.com")
    assert response is not None
    assert (response.status, response.headers.get("To")) == (400, "<sip:bob@example.com")


@pytest.mark.parametrize(
    "change",
    [
        {"method": "OPTIONS", "Max_Forwards": "0"},
        {"method": "OPTIONS", "target": "sip:192.0.2.2"},
        {"method": "OPTIONS", "Accept": "text/plain", "Contact": None},
    ],
)
def test_options_tells_what_can_be_done(server: Server, change: dict) -> None:
    response = server.ask(**change)
    assert response is not None
    assert response.status == 200
    assert "INVITE" in (response.headers.get("Allow") or "")
    assert response.headers.get("Accept") == "application/sdp"
    assert "Supported" in response.headers
    assert response.to.tag


def test_invite_is_offered_with_all_that_it_carries(server: Server) -> None:
    response = server.ask(target="sip:demo@192.0.2.2", body=b"v=0\r\n", X_Name="Bob", x_plan="a,b")
    assert response is not None
    assert response.status == 100
    (session,) = server.sessions
    assert (session.id, session.role, session.request.user) == ("1@example.com", "server", "demo")
    assert (session.offer, session.remote) == (b"v=0\r\n", PEER)
    assert [(n, v) for n, v in session.request.headers if n.lower().startswith("x-")] == [
        ("X-Name", "Bob"), ("x-plan", "a,b"),
    ]  # fmt: skip


def test_sdp_is_found_among_the_parts_of_a_multipart_body(server: Server) -> None:
    body = (b"--b1\r\nContent-Type: application/isup\r\n"
            b"Content-Disposition: signal; handling=optional\r\n\r\n\x01\x02\r\n"
            b"--b1\r\nContent-type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--\r\n")  # fmt: skip
    server.ask(body=body, Content_Type='multipart/mixed; boundary="b1"')
    assert server.sessions[0].offer == b"v=0\r\n"


def test_tel_request_uri_is_taken(server: Server) -> None:
    server.ask(target="tel:+12015550123")
    assert server.sessions[0].request.user == "+12015550123"


def test_retransmitted_invite_is_answered_and_not_offered_twice(server: Server) -> None:
    server.ask()
    response = server.ask()
    assert response is not None
    assert response.status == 100
    assert len(server.sessions) == 1
    assert server.stack.open_transactions == 1


def test_invite_that_came_by_two_ways_is_refused_once(server: Server) -> None:
    server.ask()
    response = server.ask(Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKother")
    assert response is not None
    assert response.status == 482
    assert len(server.sessions) == 1


def test_rfc_2543_peer_is_matched_without_a_unique_branch(server: Server) -> None:
    via = "SIP/2.0/UDP 192.0.2.1:5060;branch=1"
    server.ask(Via=via)
    server.ask(Via=via)
    (session,) = server.sessions
    server.stack.outbox.clear()
    session.refuse(486)
    refused = parse(server.stack.outbox[-1].data)
    assert server.ask("ACK", Via=via, To=refused.headers.get("To")) is None
    server.now = 1.0
    server.stack.outbox.clear()
    server.stack.wake(1.0)
    assert server.stack.outbox == []  # the ACK was matched: 486 is not repeated


@pytest.mark.parametrize("branch", ["1", "z9hG4bK1"])
def test_ack_of_a_200_within_the_transaction_is_taken_too(server: Server, branch: str) -> None:
    via = f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}"
    server.ask(Via=via)
    (session,) = server.sessions
    session.answer(b"x")
    server.ask("ACK", Via=via, To=f"<sip:bob@example.com>;tag={session.key[1]}")
    assert session.up


def test_cancel_for_a_final_invite_changes_nothing(server: Server) -> None:
    server.ask()
    server.sessions[0].answer(b"x")
    response = server.ask("CANCEL", Contact=None)
    assert response is not None
    assert response.status == 200
    assert server.sessions[0].state.value == "answered"


def test_request_that_is_older_than_the_last_is_out_of_order(server: Server) -> None:
    server.ask(CSeq="5 INVITE")
    (session,) = server.sessions
    session.answer(b"x")
    to = f"<sip:bob@example.com>;tag={session.key[1]}"
    server.ask("ACK", CSeq="5 ACK", To=to, Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    response = server.ask("INFO", CSeq="4 INFO", To=to, Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK3")
    assert response is not None
    assert response.status == 500
    assert "CSeq 4 after 5" in response.reason
    for method, status in (("OPTIONS", 200), ("PUBLISH", 405)):
        response = server.ask(method, CSeq=f"6 {method}", To=to,
                              Via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}")  # fmt: skip
        assert response is not None
        assert response.status == status


def test_reinvite_before_the_first_is_answered_is_told_to_wait(server: Server) -> None:
    server.ask()
    to = f"<sip:bob@example.com>;tag={server.sessions[0].key[1]}"
    response = server.ask(CSeq="2 INVITE", To=to, Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    assert response is not None
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or "x") <= 10


def test_bye_before_the_answer_ends_the_invite(server: Server) -> None:
    server.ask()
    to = f"<sip:bob@example.com>;tag={server.sessions[0].key[1]}"
    server.ask("BYE", CSeq="2 BYE", To=to, Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    statuses = sorted(parse(sent.data).status for sent in server.stack.outbox)  # type: ignore[union-attr]
    assert statuses == [200, 487]


@pytest.mark.parametrize(
    ("via", "source", "destination", "mark"),
    [
        ("192.0.2.1:5080", ("192.0.2.1", 9999), ("192.0.2.1", 5080), "branch=z9hG4bK1"),
        ("192.0.2.1", ("192.0.2.1", 9999), ("192.0.2.1", 5060), "branch=z9hG4bK1"),
        ("10.0.0.1:5080", ("192.0.2.1", 9999), ("192.0.2.1", 5080), "received=192.0.2.1"),
        ("10.0.0.1;rport", ("192.0.2.1", 9999), ("192.0.2.1", 9999), "rport=9999"),
        ("phone.local;rport", ("192.0.2.1", 9999), ("192.0.2.1", 9999), "received=192.0.2.1"),
    ],
)
def test_response_goes_back_the_way_the_request_came(
    server: Server, via: str, source: tuple[str, int], destination: tuple[str, int], mark: str
) -> None:
    response = server.ask("OPTIONS", source=source, Via=f"SIP/2.0/UDP {via};branch=z9hG4bK1")
    assert response is not None
    assert server.stack.outbox[-1].destination == destination
    assert mark in (response.headers.get("Via") or "")


def test_response_over_tcp_goes_to_the_connection(server: Server) -> None:
    request = Request(method="OPTIONS", target="sip:x@192.0.2.2")
    for name, value in (BASE | {"CSeq": "1 OPTIONS"}).items():
        request.headers.add(name, value.replace("UDP", "TCP"))
    server.hear(bytes(request), ("192.0.2.1", 40000), "tcp")
    assert server.stack.outbox[-1].destination == ("192.0.2.1", 40000)


def test_keep_alives(server: Server) -> None:
    for data in (b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b""):
        server.hear(data)
    assert server.stack.outbox == []
    server.hear(b"\r\n\r\n", PEER, "tcp")
    assert [sent.data for sent in server.stack.outbox] == [b"\r\n"]
    assert server.stack.events == []


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe", b"SIP/2.0 200 OK\r\n\r\n",
                                  b"INVITE sip:x SIP/2.0\r\n\r\n",
                                  b"ACK sip:x SIP/2.0\r\n\r\n"])  # fmt: skip
def test_what_cannot_be_answered_is_dropped_with_a_note(server: Server, data: bytes) -> None:
    server.hear(data)
    assert server.stack.outbox == []
    assert [note.what for note in server.stack.events] == ["dropped"]


def test_refused_invite_is_repeated_until_its_ack(server: Server) -> None:
    server.ask(Require="foo")
    server.stack.outbox.clear()
    server.stack.wake(0.5)
    assert len(server.stack.outbox) == 1
    server.ask("ACK")
    server.stack.wake(20.0)
    assert server.stack.open_transactions == 0


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/plain", 406), ("application/sdpx", 406),
        ("text/plain, application/sdp;level=1", 100),
        ("*/*", 100), ("application/*;q=0.5", 100), (None, 100),
    ],
)  # fmt: skip
def test_invite_whose_answer_would_not_be_accepted_is_refused(
    server: Server, accept: str | None, status: int
) -> None:
    response = server.ask(Accept=accept)
    assert response is not None
    assert response.status == status


def test_received_that_the_sender_wrote_itself_is_not_believed(server: Server) -> None:
    """Or else an answer could be sent to anybody."""
    server.ask("OPTIONS", Via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=198.51.100.9")
    assert server.stack.outbox[-1].destination == ("192.0.2.1", 5060)
    server.ask("OPTIONS", Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2;received=198.51.100.9;rport=9")
    assert server.stack.outbox[-1].destination == ("192.0.2.1", 5060)


def test_via_that_cannot_be_read_is_answered_at_the_source(server: Server) -> None:
    response = server.ask("OPTIONS", Via="SIP/2.0/UDP 192.0.2.1;;;branch=z9hG4bK1")
    assert response is not None
    assert response.status == 400
    assert server.stack.outbox[-1].destination == PEER


def test_response_with_a_second_via_is_another_s(server: Server) -> None:
    server.hear(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1, SIP/2.0/UDP h\r\n"
                b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n"
                b"\r\n")  # fmt: skip
    (note,) = server.stack.events
    assert (note.what, "second" in str(note.facts["why"])) == ("dropped", True)


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"x" * 70_000},
        {"Subject": "x" * 9_000},
        {"Subject": "x\r\nX-A: b" * 300},
    ],
)
def test_message_that_is_too_large_is_told_so(server: Server, change: dict) -> None:
    response = server.ask(**change)
    assert response is not None
    assert (response.status, "too many" in response.reason) == (513, True)
    assert not server.sessions
