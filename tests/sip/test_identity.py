"""Who calls: what is believed from whom, and what is only read."""

import pytest

from gateway.sip.headers import Reason
from gateway.sip.identity import Diversion, Identity
from gateway.sip.message import Request, parse
from gateway.sip.policy import Policy
from gateway.sip.session_id import NIL
from tests.sip.world import World, answering, connected, nothing_is_left

FROM = '"Mallory" <sip:+15550100@example.com>;tag=1'


def invite(*headers: tuple[str, str], sender: str = FROM) -> Request:
    request = Request(method="INVITE", target="sip:bob@192.0.2.2")
    for name, value in (("From", sender), *headers):
        request.headers.add(name, value)
    return request


def test_without_trust_only_from_counts() -> None:
    request = invite(
        ("P-Asserted-Identity", '"Alice" <sip:+12015550123@carrier.net>'),
        ("Remote-Party-ID", "<sip:+12015550123@carrier.net>;party=calling"),
    )
    identity = Identity.of(request, trusted=False)
    assert (identity.number, identity.name, identity.asserted) == ("+15550100", "Mallory", False)
    assert identity.uri == "sip:+15550100@example.com"


@pytest.mark.parametrize(("headers", "number", "name"), [
    ([("P-Asserted-Identity", '"Alice" <sip:+12015550123@c.net>')], "+12015550123", "Alice"),
    ([("P-Asserted-Identity", '"Alice" <sip:al@c.net>'),
      ("P-Asserted-Identity", "<tel:+12015550123>")], "+12015550123", "Alice"),
    ([("P-Asserted-Identity", '"A" <sip:al@c.net>, <tel:+1201>')], "+1201", "A"),
    ([("Remote-Party-ID", '"Al" <sip:+1201@c.net>;party=calling;screen=yes')], "+1201", "Al"),
    ([("Remote-Party-ID", "<sip:+1202@c.net>;party=called"),
      ("Remote-Party-ID", "<sip:+1201@c.net>")], "+1201", ""),
])  # fmt: skip
def test_trusted_peer_asserts_who_calls(headers: list, number: str, name: str) -> None:
    identity = Identity.of(invite(*headers), trusted=True)
    assert (identity.number, identity.name, identity.asserted) == (number, name, True)


@pytest.mark.parametrize("header", ["P-Asserted-Identity", "Remote-Party-ID", "Diversion",
                                    "History-Info", "Reason", "Privacy"])  # fmt: skip
@pytest.mark.parametrize("value", ["", "<sip:", '"x', "a b c", ";;;", "<sip:a@b>;=", ","])
def test_broken_header_counts_as_absent(header: str, value: str) -> None:
    identity = Identity.of(invite((header, value)), trusted=True)
    assert identity.number == "+15550100"
    assert not identity.asserted


@pytest.mark.parametrize(("headers", "private"), [
    ([("Privacy", "id")], True), ([("Privacy", "none")], False),
    ([("Privacy", "user; critical")], True),
    ([("Remote-Party-ID", "<sip:1@c>;privacy=full")], True),
    ([("Remote-Party-ID", "<sip:1@c>;privacy=off")], False), ([], False),
])  # fmt: skip
def test_privacy(headers: list, private: bool) -> None:
    assert Identity.of(invite(*headers), trusted=True).private == private


def test_anonymous_caller_is_private_whoever_says_it() -> None:
    sender = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
    assert Identity.of(invite(sender=sender), trusted=False).private


def test_who_sent_the_call_on() -> None:
    identity = Identity.of(
        invite(
            (
                "Diversion",
                '"Desk" <sip:+1201@c.net>;reason=no-answer, <tel:+1202>;reason=user-busy',
            ),
            ("History-Info", "<sip:a@c.net>;index=1, <sip:b@c.net>;index=1.1"),
            ("Reason", 'Q.850;cause=17;text="busy", SIP;cause=486'),
        ),
        trusted=False,
    )
    assert identity.diversions == (
        Diversion("sip:+1201@c.net", "+1201", "Desk", "no-answer"),
        Diversion("tel:+1202", "+1202", "", "user-busy"),
    )
    assert [(at.user, at.index) for at in identity.history] == [("a", "1"), ("b", "1.1")]
    assert identity.reasons == (Reason("Q.850", 17, "busy"), Reason("SIP", 486))


def test_session_says_who_calls_and_its_policy_says_whether_to_believe_it() -> None:
    world = World()
    world.bob.script = answering
    asserted = ("P-Asserted-Identity", '"Alice" <sip:+1201@c.net>')
    world.alice.call(world.bob, from_uri="sip:+1999@c.net", headers=[asserted, ("Privacy", "id")])
    world.run(1.0)
    (session,) = world.bob.sessions
    assert (session.identity.number, session.identity.private) == ("+1999", True)
    session.policy = Policy(trusted=True)
    assert (session.identity.number, session.identity.name) == ("+1201", "Alice")


def test_both_halves_of_the_session_id_are_in_every_message_rfc7989() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.info("text/plain", b"?")
    ours.reinvite(b"new")
    world.run(2.0)
    theirs.refuse_reoffer()
    world.run(3.0)
    ours.end()
    nothing_is_left(world)
    halves = {"192.0.2.1": ours.session_id.ours, "192.0.2.2": theirs.session_id.ours}
    assert len(set(halves.values())) == 2
    for at, (_, host, data) in enumerate(world.wire):
        other = next(half for name, half in halves.items() if name != host)
        remote = NIL if at == 0 else other
        assert parse(data).headers.get("Session-ID") == f"{halves[host]};remote={remote}", data


def test_session_id_of_a_call_that_is_cancelled() -> None:
    world = World()
    world.bob.script = lambda session: session.ring()
    ours = world.alice.call(world.bob)
    world.run(1.0)
    ours.end()
    nothing_is_left(world)
    for _, _, data in world.wire:
        assert "Session-ID" in parse(data).headers, data
