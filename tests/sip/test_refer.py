"""REFER (RFC 3515): every transfer ends in an outcome, whatever the peer does or leaves out."""

import pytest

from gateway.errors import GatewayError
from gateway.sip.events import (
    Ended,
    ReferAccepted,
    ReferDone,
    ReferFailed,
    ReferProgress,
    Referred,
    SessionEvent,
)
from gateway.sip.message import Request, Response, parse
from gateway.sip.policy import Policy
from gateway.sip.referee import ASKED, Asked, Referee
from gateway.sip.referrer import ASKING, Asking, Referrer
from gateway.sip.replaces import Replaces
from gateway.sip.session import Session
from gateway.sip.sipfrag import read, write
from tests.sip.world import World, connected, nothing_is_left

TARGET = "tel:+12015550123;ext=7"


def willing() -> tuple[World, Session, Session]:
    world = World()
    world.bob.stack.policy = Policy(refer=True)
    ours, theirs = connected(world)
    return world, ours, theirs


def reports(world: World, *statuses: int) -> None:
    """Bob takes each REFER, and tells these, a second apart."""

    def take(session: Session, event: SessionEvent) -> None:
        if isinstance(event, Referred):
            session.accept_refer()
            for after, status in enumerate(statuses, 1):
                world.after(after, lambda status=status: session.report_refer(status))  # type: ignore[misc]

    world.bob.on_event = take


def requests(world: World, method: str) -> list[Request]:
    messages = [parse(d) for _, _, d in world.wire if d.startswith(method.encode())]
    return [message for message in messages if isinstance(message, Request)]


def outcome(world: World, session: Session) -> list[SessionEvent]:
    kinds = (ReferAccepted, ReferProgress, ReferDone, ReferFailed)
    return [event for event in world.alice.told[session] if isinstance(event, kinds)]


@pytest.mark.parametrize("target", [TARGET, "sip:carol@example.com;user=phone?X-A=b%20c",
                                    '"Carol" <sip:carol@example.com>;x=y'])  # fmt: skip
def test_transfer_that_succeeds_and_its_target_as_it_was_given(target: str) -> None:
    world, ours, _ = willing()
    reports(world, 180, 200)
    by = "<sip:alice@192.0.2.1>"
    ours.refer(target, referred_by=by, headers=[("X-Reason", "sales")])
    world.run(10.0)
    assert outcome(world, ours) == [
        ReferAccepted(),
        ReferProgress(100, "Trying"),
        ReferProgress(180, "Ringing"),
        ReferDone(200),
    ]
    (refer,) = requests(world, "REFER")
    assert refer.headers.get("Refer-To") == (target if "<" in target else f"<{target}>")
    assert (refer.headers.get("Referred-By"), refer.headers.get("X-Reason")) == (by, "sales")
    (referred,) = world.bob.events(Referred)
    assert isinstance(referred, Referred)
    assert referred.refer_to == target.partition("<")[2].partition(">")[0] or target
    assert (referred.replaces, referred.referred_by) == (None, by)
    states = [notify.headers.get("Subscription-State") for notify in requests(world, "NOTIFY")]
    assert states == ["active;expires=180", "active;expires=179", "terminated;reason=noresource"]
    assert ours.up


@pytest.mark.parametrize("given", ["", "<sip:desk@example.com>"])
def test_the_target_learns_at_whose_wish_it_is_called(given: str) -> None:
    """Ours, by the address that the call has, unless the owner names another (RFC 3892)."""
    world, ours, theirs = willing()
    reports(world, 200)
    ours.refer(TARGET, headers=[("referred-by", given)] if given else ())
    world.run(10.0)
    (refer,) = requests(world, "REFER")
    own = f"<{ours.request.from_.uri}>"
    assert refer.headers.all("Referred-By") == [given or own]
    theirs.refer(TARGET)
    world.run(10.0)
    assert requests(world, "REFER")[-1].headers.all("Referred-By") == [f"<{ours.request.to.uri}>"]


def test_transfer_whose_target_is_busy_leaves_the_call_up() -> None:
    world, ours, theirs = willing()
    reports(world, 486)
    ours.refer(TARGET)
    world.run(10.0)
    assert outcome(world, ours)[-1] == ReferFailed(486, "Busy Here")
    assert ours.up
    assert theirs.up


def test_transfer_is_refused_unless_the_policy_allows_it() -> None:
    world = World()
    ours, _ = connected(world)
    ours.refer(TARGET)
    world.run(10.0)
    assert outcome(world, ours) == [ReferFailed(603, "Transfers are not taken from here")]
    assert not world.bob.events(Referred)
    assert ours.up


def test_transfer_is_refused_by_the_owner() -> None:
    world, ours, _ = willing()
    world.bob.on_event = lambda s, e: (
        s.refuse_refer(488, "Not there") if type(e) is Referred else None
    )
    ours.refer(TARGET)
    world.run(10.0)
    assert outcome(world, ours) == [ReferFailed(488, "Not there")]


def test_owner_that_does_not_decide_is_taken_for_a_no() -> None:
    world, ours, _ = willing()
    ours.refer(TARGET)
    world.run(25.0)
    (failed,) = outcome(world, ours)
    assert isinstance(failed, ReferFailed)
    assert failed.status == 603


def test_peer_that_takes_it_and_never_tells_is_a_failure_after_32_s() -> None:
    world, ours, _ = willing()
    reports(world, 200)
    world.drop = lambda host, data: data.startswith(b"NOTIFY")
    ours.refer(TARGET)
    world.run(40.0)
    assert outcome(world, ours) == [
        ReferAccepted(), ReferFailed(408, "no NOTIFY told how the transfer went"),
    ]  # fmt: skip
    assert ours.up


def test_peer_that_stops_telling_is_a_failure_when_its_subscription_is_over() -> None:
    world, ours, _ = willing()
    reports(world, 180)
    ours.refer(TARGET)
    world.run(400.0)
    (*_, last) = outcome(world, ours)
    assert isinstance(last, ReferFailed)
    assert last.status == 408 or "timeout" in last.detail
    assert ours.up


def test_notifys_that_nobody_hears_end_the_subscription_and_not_the_call() -> None:
    world, ours, theirs = willing()
    reports(world, 180)
    world.drop = lambda host, data: data.startswith(b"NOTIFY")
    ours.refer(TARGET)
    world.run(80.0)
    assert theirs.up
    assert theirs.referee.stage is Asked.IDLE
    assert theirs.referee.due is None


def test_notify_that_overtakes_the_202() -> None:
    world, ours, _ = willing()
    reports(world, 200)
    world.drop = lambda host, data: data.startswith(b"SIP/2.0 202") and world.now < 4
    ours.refer(TARGET)
    world.run(20.0)
    assert outcome(world, ours) == [ReferAccepted(), ReferProgress(100, "Trying"), ReferDone(200)]


def test_transfer_without_a_subscription_rfc4488() -> None:
    world, ours, _ = willing()
    reports(world, 200)
    ours.refer(TARGET, headers=[("Refer-Sub", "false"), ("Supported", "norefersub")])
    world.run(10.0)
    assert outcome(world, ours) == [ReferAccepted(), ReferDone(202)]
    assert not requests(world, "NOTIFY")


def test_second_transfer_waits_for_the_outcome_of_the_first() -> None:
    world, ours, _ = willing()
    reports(world, 180)
    ours.refer(TARGET)
    with pytest.raises(GatewayError, match="under way"):
        ours.refer(TARGET)
    world.run(2.0)
    with pytest.raises(GatewayError, match="under way"):
        ours.refer(TARGET)


def test_second_transfer_after_a_failed_one_has_an_id() -> None:
    world, ours, _ = willing()
    reports(world, 486)
    ours.refer(TARGET)
    world.run(5.0)
    reports(world, 200)
    ours.refer("sip:dave@example.com")
    world.run(10.0)
    assert outcome(world, ours)[-1] == ReferDone(200)
    packages = [notify.headers.get("Event") for notify in requests(world, "NOTIFY")]
    second = requests(world, "REFER")[1].cseq.number
    assert packages == ["refer", "refer", f"refer;id={second}", f"refer;id={second}"]


@pytest.mark.parametrize("who", ["us", "peer"])
def test_call_that_ends_before_the_outcome_tells_so(who: str) -> None:
    world, ours, theirs = willing()
    reports(world, 180)
    ours.refer(TARGET)
    world.run(4.0)
    (ours if who == "us" else theirs).end()
    nothing_is_left(world)
    assert isinstance(world.alice.told[ours][-1], Ended)
    assert isinstance(world.alice.told[ours][-2], ReferFailed)


def test_referee_that_hangs_up_tells_first_how_far_it_got() -> None:
    world, ours, theirs = willing()
    reports(world, 180)
    ours.refer(TARGET)
    world.run(4.0)
    theirs.end()
    nothing_is_left(world)
    last = requests(world, "NOTIFY")[-1]
    assert last.headers.get("Subscription-State") == "terminated;reason=noresource"


def test_hanging_up_answers_the_refer_that_waits() -> None:
    world, ours, theirs = willing()
    ours.refer(TARGET)
    world.run(2.0)
    theirs.end()
    nothing_is_left(world)
    assert any(b"REFER" in data for _, _, data in world.wire if data.startswith(b"SIP/2.0 603"))


def test_attended_transfer_names_the_call_to_be_replaced() -> None:
    world, ours, _ = willing()
    carol = world.phone("192.0.2.3")
    carol.script = lambda session: session.answer(b"answer")
    other = world.alice.call(carol)
    world.run(2.0)
    ours.refer("sip:carol@192.0.2.3", replaces=other)
    world.run(4.0)
    (referred,) = world.bob.events(Referred)
    assert isinstance(referred, Referred)
    assert referred.refer_to.startswith("sip:carol@192.0.2.3?Replaces=")
    theirs = carol.sessions[0]
    assert referred.replaces == Replaces(other.id, theirs.key[1], other.key[1])
    assert carol.stack.sessions[(referred.replaces.call_id, referred.replaces.to_tag)] is theirs


def hear(world: World, request: Request) -> Response:
    """Let bob hear a request of alice's dialog; his answer."""
    via = f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{request.method}{request.cseq.number}"
    request.headers.add("Via", via, at_top=True)
    world.bob.stack.receive(bytes(request), ("192.0.2.1", 5060), "udp", world.now)
    found = [parse(sent.data) for sent in world.bob.stack.outbox]
    (response,) = [m for m in found if isinstance(m, Response) and m.cseq.method == request.method]
    world.run(world.now + 0.1)
    return response


def subscribe(world: World, ours: Session, expires: str, package: str = "refer") -> Response:
    assert ours.dialog is not None
    request = ours.dialog.request("SUBSCRIBE")
    request.headers.add("Event", package)
    request.headers.add("Expires", expires)
    return hear(world, request)


def test_subscription_can_be_renewed_and_ended() -> None:
    world, ours, _ = willing()
    reports(world, 180)
    ours.refer(TARGET)
    world.run(5.0)
    assert subscribe(world, ours, "60", "presence").status == 489
    response = subscribe(world, ours, "60")
    assert (response.status, response.headers.get("Expires")) == (200, "180")
    assert requests(world, "NOTIFY")[-1].headers.get("Subscription-State") == "active;expires=180"
    assert subscribe(world, ours, "0").headers.get("Expires") == "0"
    last = requests(world, "NOTIFY")[-1]
    assert last.headers.get("Subscription-State") == "terminated;reason=timeout"
    assert subscribe(world, ours, "60").status == 481


@pytest.mark.parametrize(("refer_to", "status"), [
    ([], 400), (["<sip:a@b>", "<sip:c@d>"], 400), (["<sip:"], 400), (["<sip:a@b?Replaces=x>"], 400),
    (["<sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>"], None),
])  # fmt: skip
def test_refer_to_has_to_be_one_address(refer_to: list[str], status: int | None) -> None:
    world, ours, _ = willing()
    assert ours.dialog is not None
    request = ours.dialog.request("REFER")
    for value in refer_to:
        request.headers.add("Refer-To", value)
    if status is not None:
        assert hear(world, request).status == status
        assert not world.bob.events(Referred)
        return
    request.headers.add("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx", at_top=True)
    world.bob.stack.receive(bytes(request), ("192.0.2.1", 5060), "udp", world.now)
    world.run(2.0)
    assert world.bob.events(Referred) == [
        Referred(refer_to[0][1:-1], Replaces("x", "1", "2")),
    ]  # fmt: skip


@pytest.mark.parametrize(("package", "state", "body", "status"), [
    ("presence", "active", b"SIP/2.0 200 OK", 489),
    ("refer;id=99", "active", b"SIP/2.0 200 OK", 481),
    ("refer", "active", b"hello", 400),
    ("refer", "terminated;reason=giveup", b"", 200),
    ("refer", "active", b"SIP/2.0 200 OK\r\nTo: x\r\n", 200),
])  # fmt: skip
def test_notify_is_judged(package: str, state: str, body: bytes, status: int) -> None:
    world, ours, theirs = willing()
    world.bob.on_event = lambda s, e: None
    ours.refer(TARGET)
    world.run(1.5)
    assert theirs.dialog is not None
    notify = theirs.dialog.request("NOTIFY")
    notify.headers.add("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKn", at_top=True)
    notify.headers.add("Event", package)
    notify.headers.add("Subscription-State", state)
    if body:
        notify.headers.add("Content-Type", "message/sipfrag")
        notify.body = body
    world.alice.stack.receive(bytes(notify), ("192.0.2.2", 5060), "udp", world.now)
    response = parse(world.alice.stack.outbox[-1].data)
    assert isinstance(response, Response)
    assert response.status == status
    world.run(1.6)
    if status == 200:
        assert isinstance(outcome(world, ours)[-1], ReferDone if b"200" in body else ReferFailed)


def test_notify_without_a_refer_is_refused() -> None:
    world = World()
    _, theirs = connected(world)
    assert theirs.dialog is not None
    notify = theirs.dialog.request("NOTIFY")
    notify.headers.add("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKn", at_top=True)
    notify.headers.add("Event", "refer")
    world.alice.stack.receive(bytes(notify), ("192.0.2.2", 5060), "udp", world.now)
    assert world.alice.stack.outbox[-1].data.startswith(b"SIP/2.0 481")


def test_sipfrag() -> None:
    assert read(write(486)) == (486, "Busy Here")
    assert read(b"SIP/2.0 180\r\nX: y") == (180, "")


@pytest.mark.parametrize(("table", "methods"), [(ASKING, Referrer), (ASKED, Referee)])
def test_every_action_is_a_method_and_every_state_has_a_way_out(
    table: dict[tuple[Asking | Asked, str], tuple[Asking | Asked, str]], methods: type
) -> None:
    for _, actions in table.values():
        for action in actions.split():
            assert callable(getattr(methods, f"_{action}"))
    assert {after for after, _ in table.values()} <= {state for state, _ in table}
