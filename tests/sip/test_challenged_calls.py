"""Calls between two stacks of which one wants to know who calls (RFC 3261 section 22)."""

import pytest

from gateway.sip.challenger import Challenger
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.events import Answered, Cancelled, Ended, Refused, ReofferAnswered
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import Objection
from gateway.sip.message import Request, Response, parse
from gateway.sip.outside import outside
from gateway.sip.policy import Policy
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from tests.sip.world import Phone, World, answering, nothing_is_left

GOOD = Credentials("alice", "wonderland")
BAD = Credentials("alice", "looking-glass")


def guarded(world: World, phone: Phone, challenger: Challenger | None = None) -> Challenger:
    """From now on this phone takes calls of alice's only."""
    guard = challenger or Challenger(b"secret", "bob.example")

    def policy_for(request: Request, source: Hop) -> Policy:
        verdict = guard.check(request, {"alice": "wonderland"}.get, world.now)
        if not verdict.user:
            raise Objection(verdict.status, verdict.why, verdict.headers)
        return Policy()

    phone.stack.policy_for = policy_for
    return guard


def challenging(world: World, method: str, guard: Challenger) -> list[Request]:
    """A proxy between the two that challenges each request of this method that alice sends."""
    seen: list[Request] = []

    def proxy(host: str, data: bytes) -> bool:
        message = parse(data)
        if not isinstance(message, Request) or message.method != method:
            return False
        if host != world.alice.host or (method == "INVITE" and not message.to.tag):
            return False
        seen.append(message)
        verdict = guard.check(message, {"alice": "wonderland"}.get, world.now)
        if verdict.user:
            return False
        response = message.reply(verdict.status, "", "proxy")
        for name, value in verdict.headers:
            response.headers.add(name, value)
        receive, source = world.alice.stack.receive, (world.bob.host, 5060)
        world.after(0.01, lambda: receive(bytes(response), source, "udp", world.now))
        return True

    world.drop = proxy
    return seen


def test_call_is_made_with_credentials() -> None:
    world = World()
    guarded(world, world.bob)
    world.bob.script = answering
    session = world.alice.call(world.bob, credentials=GOOD)
    world.run(1.0)
    assert session.up
    requests = [parse(data) for _, host, data in world.wire if host == world.alice.host]
    first, ack, second, last = [r for r in requests if isinstance(r, Request)]
    assert [r.method for r in (first, ack, second, last)] == ["INVITE", "ACK", "INVITE", "ACK"]
    assert ack.via.branch == first.via.branch
    assert second.via.branch != first.via.branch
    assert (second.call_id, second.from_.tag) == (first.call_id, first.from_.tag)
    assert second.cseq.number == first.cseq.number + 1
    assert "Authorization" not in first.headers
    assert last.headers.all("Authorization") == second.headers.all("Authorization") != []
    session.end()
    nothing_is_left(world)
    assert [type(e) for e in world.alice.events()][-1] is Ended


def test_challenge_is_said_once_and_leaves_nothing() -> None:
    world = World()
    guarded(world, world.bob)
    world.drop = lambda host, data: data.startswith(b"ACK")
    world.alice.call(world.bob)
    world.run(1.0)
    assert world.bob.stack.open_transactions == 0
    assert not world.bob.stack.sessions
    world.run()
    answers = [data for _, host, data in world.wire if host == world.bob.host]
    assert [data.split(b" ")[1] for data in answers] == [b"401"]


@pytest.mark.parametrize(("credentials", "invites"), [(None, 1), (BAD, 2)])
def test_wrong_or_no_credentials_are_refused_after_one_try(
    credentials: Credentials | None, invites: int
) -> None:
    world = World()
    guarded(world, world.bob)
    world.alice.call(world.bob, credentials=credentials)
    nothing_is_left(world)
    (refused,) = world.alice.events(Refused)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.by) == (401, "peer")
    assert sum(data.startswith(b"INVITE") for _, _, data in world.wire) == invites
    assert not world.bob.sessions
    assert all(b"looking-glass" not in data for _, _, data in world.wire)


def test_stale_nonce_is_tried_once_more() -> None:
    world = World(delay=(0.2, 0.2))
    guarded(world, world.bob, Challenger(b"secret", "bob.example", lifetime_s=0.3))
    world.alice.call(world.bob, credentials=GOOD)
    nothing_is_left(world)
    assert sum(data.startswith(b"INVITE") for _, _, data in world.wire) >= 3
    (refused,) = world.alice.events(Refused)
    assert isinstance(refused, Refused)
    assert refused.status == 401


def test_call_that_ends_while_it_is_challenged_is_not_made() -> None:
    world = World()
    guarded(world, world.bob)
    session = world.alice.call(world.bob, credentials=GOOD)
    session.end()
    nothing_is_left(world)
    assert sum(data.startswith(b"INVITE") for _, _, data in world.wire) == 1
    assert not world.bob.sessions


def test_challenged_call_is_cancelled_by_its_second_invite() -> None:
    world = World()
    guarded(world, world.bob)
    world.bob.script = lambda session: session.ring()
    session = world.alice.call(world.bob, credentials=GOOD)
    world.run(1.0)
    session.end()
    nothing_is_left(world)
    assert world.bob.events(Cancelled)


@pytest.mark.parametrize("proxy", [True, False])
@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE"])
def test_request_within_the_call_is_answered_too(method: str, proxy: bool) -> None:
    world = World()
    world.bob.script = answering
    session = world.alice.call(world.bob, credentials=GOOD)
    world.run(1.0)
    seen = challenging(world, method, Challenger(b"p", "proxy.example", proxy=proxy))
    match method:
        case "BYE":
            session.end()
        case "INFO":
            session.info("application/dtmf-relay", b"Signal=1\r\nDuration=160\r\n")
        case "INVITE":
            world.bob.on_event = lambda theirs, event: (
                theirs.accept_reoffer(b"agreed") if type(event).__name__ == "Reoffered" else None
            )
            session.reinvite(b"hold")
    world.run(5.0)
    first, second = seen
    assert second.cseq.number == first.cseq.number + 1
    assert second.body == first.body
    if method == "INVITE":
        assert ReofferAnswered(b"agreed") in world.alice.events()
    session.end()
    nothing_is_left(world)
    assert isinstance(world.bob.events()[-1], Ended)


def test_second_challenge_in_a_call_is_foreseen() -> None:
    world = World()
    guard = Challenger(b"p", "proxy.example", proxy=True)
    world.bob.script = answering
    session = world.alice.call(world.bob, credentials=GOOD)
    world.run(1.0)
    seen = challenging(world, "INFO", guard)
    for _ in range(3):
        session.info("application/dtmf-relay", b"Signal=1\r\n")
        world.run(world.now + 1.0)
    values = [request.headers.get("Proxy-Authorization") or "" for request in seen]
    assert [value.partition("nc=")[2][:8] for value in values] == [
        "", "00000001", "00000002", "00000003",
    ]  # fmt: skip


def test_dialog_of_an_authenticated_call_is_not_challenged_again() -> None:
    world = World()
    guarded(world, world.bob)
    world.bob.script = answering
    session = world.alice.call(world.bob, credentials=GOOD)
    world.run(1.0)
    session.end()
    nothing_is_left(world)
    assert sum(b"SIP/2.0 401" in data for _, _, data in world.wire) == 1
    assert world.alice.events(Answered)


def test_register_is_challenged_and_taken() -> None:
    """What a registration does with the same parts: outside of any call."""
    world = World()
    guard, alice, bob = Challenger(b"s", "bob.example"), world.alice, world.bob

    def registered(exchange: Exchange) -> None:
        verdict = guard.check(exchange.request, {"alice": "wonderland"}.get, world.now)
        if not verdict.user:
            raise Objection(verdict.status, verdict.why, verdict.headers)
        bob.stack.respond(exchange, exchange.request.reply(200, tag=exchange.tag))

    bob.stack.serves["REGISTER"] = registered
    authorize = Authorizer(GOOD, alice.stack.token).begin()
    aor, hop, statuses = Uri.sip("alice", bob.host), Hop((bob.host, 5060), "udp"), []

    def ask(cseq: int, challenge: Response | None = None) -> None:
        request = outside("REGISTER", f"sip:{bob.host}", aor, aor, call_id="1", tag="t", cseq=cseq)
        if challenge is None or authorize(request, challenge):
            alice.stack.request(request, hop, lambda result: heard(cseq, result))

    def heard(cseq: int, result: object) -> None:
        assert isinstance(result, Response)
        statuses.append(result.status)
        if result.status == 401:
            ask(cseq + 1, result)

    ask(1)
    world.run(1.0)
    assert statuses == [401, 200]
