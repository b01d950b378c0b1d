"""Strangers: limits, bans, silence, and no more bytes to them than they have paid for."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.defence import FACTOR, MOST, Defence, Drop
from gateway.sip.defence_settings import DefenceSettings
from gateway.sip.headers import Headers
from gateway.sip.inspection import Objection
from gateway.sip.message import Request
from tests.sip.world import World, answering, nothing_is_left

ALICE, BOB = "192.0.2.1", "192.0.2.2"


def request(method: str = "INVITE", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method=method, target="sip:a@b", headers=Headers(pairs))


def defence(**more: object) -> Defence:
    given = {k: more.pop(k) for k in list(more) if k in DefenceSettings.model_fields}
    return Defence(DefenceSettings.model_validate({"exempt": []} | given), **more)


def heard(gate: Defence, asked: Request, now: float = 0.0, host: str = ALICE) -> bool:
    try:
        gate.request(asked, host, 0, now)
    except Drop:
        return False
    return True


def test_a_flood_of_one_source_is_cut_and_another_source_is_heard() -> None:
    gate = defence(packets_per_second=100)
    taken = sum(gate.packet(ALICE, 500, True, at / 20_000) for at in range(20_000))
    assert 300 <= taken <= 401
    assert gate.packet(BOB, 500, True, 1.0)


def test_one_loud_source_does_not_use_up_what_all_strangers_share() -> None:
    gate = defence(packets_per_second=10, all_packets_per_second=100)
    for n in range(20_000):
        gate.packet(ALICE, 500, True, n / 20_000)
    assert sum(gate.packet(f"198.51.100.{n}", 500, True, 1.0) for n in range(100)) == 100


def test_a_trunk_is_never_taken_for_a_flood() -> None:
    gate = defence(trusted=lambda host: host == ALICE, unknown="drop")
    assert all(gate.packet(ALICE, 500, True, 0.0) for _ in range(10_000))
    assert all(heard(gate, request()) for _ in range(10_000))
    assert all(heard(gate, request(User_Agent="friendly-scanner")) for _ in range(10))
    for _ in range(1000):
        gate.refused(request(), 404, ALICE, 0.0)
    assert gate.packet(ALICE, 500, True, 0.0)


def test_invites_of_one_and_of_all_are_limited() -> None:
    gate = defence(invites_per_second=2, all_invites_per_second=10)
    assert sum(heard(gate, request()) for _ in range(50)) == 6
    others = sum(heard(gate, request(), 0.0, f"198.51.100.{n}") for n in range(200))
    assert others == 30 - 6


def test_who_has_proven_its_address_is_heard_beside_a_spoofed_flood() -> None:
    gate = defence(all_packets_per_second=100)
    gate.proven(BOB, 0.0)
    for n in range(5000):
        gate.packet(f"10.{n % 250}.{n // 250}.1", 500, True, 0.0)
    assert not gate.packet("10.251.0.1", 500, True, 0.0)
    assert gate.packet(BOB, 500, True, 0.0)


@pytest.mark.parametrize("agent", ["friendly-scanner", "SIPVicious/0.3", "sipcli/v1.8"])
def test_a_scanner_is_banned_and_for_longer_each_time(agent: str) -> None:
    gate = defence(ban_s=10, ban_most_s=35)
    now, lengths = 0.0, []
    for _ in range(4):
        assert not heard(gate, request("OPTIONS", User_Agent=agent), now)
        began = now
        while not gate.packet(ALICE, 500, True, now):
            now += 1.0
        lengths.append(now - began)
    assert lengths == [10, 20, 35, 35]


def test_refusals_again_and_again_are_a_search_for_a_way_in() -> None:
    gate = defence(failures=10)
    for n in range(9):
        gate.refused(request(), 404, ALICE, n * 0.1)
    assert gate.packet(ALICE, 500, True, 1.0)
    for _ in range(2):  # the first ones have faded a little
        gate.refused(request(), 404, ALICE, 1.0)
    assert not gate.packet(ALICE, 500, True, 1.0)
    assert gate.packet(BOB, 500, True, 1.0)


def test_a_wrong_number_now_and_then_bans_nobody() -> None:
    gate = defence(failures=10, ban_window_s=60)
    for n in range(200):
        gate.refused(request(), 404, ALICE, n * 30.0)
    assert gate.packet(ALICE, 500, True, 6000.0)


def test_the_challenge_that_digest_begins_with_is_no_failure() -> None:
    gate = defence(failures=10)
    for n in range(30):
        gate.refused(request(), 401, ALICE, n * 1.0)
    assert gate.packet(ALICE, 500, True, 30.0)
    for n in range(11):
        gate.refused(request(Authorization="Digest x"), 401, ALICE, 30.0 + n * 0.1)
    assert not gate.packet(ALICE, 500, True, 31.0)


@pytest.mark.parametrize(("unknown", "outcome"), [("answer", 0), ("refuse", 403), ("drop", -1)])
def test_strangers_are_answered_refused_or_dropped(unknown: str, outcome: int) -> None:
    gate = defence(unknown=unknown, expected=lambda asked: asked.method == "REGISTER")
    got = 0
    try:
        gate.request(request(), ALICE, 0, 0.0)
    except Objection as no:
        got = no.status
    except Drop:
        got = -1
    assert got == outcome
    gate.request(request("REGISTER"), ALICE, 0, 0.0)  # who may prove to be known is heard


def test_dialogs_and_transactions_are_limited() -> None:
    gate = defence(dialogs_per_source=2, transactions=100)
    gate.opened(ALICE)
    gate.opened(ALICE)
    with pytest.raises(Objection) as no:
        gate.request(request(), ALICE, 0, 0.0)
    assert no.value.status == 486
    gate.closed(ALICE)
    gate.request(request(), ALICE, 0, 0.0)
    with pytest.raises(Drop):
        gate.request(request("OPTIONS"), ALICE, 100, 0.0)


def test_one_host_cannot_change_its_ipv6_address_to_be_another_source() -> None:
    gate = defence(packets_per_second=1)
    taken = sum(gate.packet(f"2001:db8::{n:x}", 500, True, 0.0) for n in range(100))
    assert taken == 3
    assert gate.packet("2001:db8:0:1::1", 500, True, 0.0)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(10, 2000), st.integers(0, 3)), max_size=300
    )
)  # fmt: skip
def test_no_source_is_sent_more_than_it_has_paid_for(steps: list[tuple[bool, int, int]]) -> None:
    gate, paid, got = defence(), dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 0)
    for comes, size, who in steps:
        host = f"192.0.2.{who}"
        if comes:
            paid[who] += size * gate.packet(host, size, True, 0.0)
        elif gate.lets_out(b"SIP/2.0 200 OK".ljust(size), host, True, 0.0):
            got[who] += max(size, 14)
    assert all(got[who] <= FACTOR * paid[who] for who in got)


def test_memory_is_bounded_under_a_spoofed_flood() -> None:
    gate, rng = defence(), random.Random(0)
    for n in range(3 * MOST):
        host = f"{rng.randrange(1, 224)}.{rng.randrange(256)}.{rng.randrange(256)}.1"
        gate.packet(host, 400, True, n / 20_000)
        gate.refused(request(), 404, host, n / 20_000)
        gate.ban(host, "test", n / 20_000)
        gate.proven(host, n / 20_000)
    tables = [v for v in vars(gate).values() if hasattr(v, "__len__")]
    assert max(len(table) for table in tables) <= MOST


def test_the_log_says_a_reason_once_and_how_often_it_was_meant() -> None:
    lines: list[dict[str, object]] = []
    gate = defence(packets_per_second=1, note=lambda what, **facts: lines.append(facts))
    for n in range(10_000):
        gate.packet(ALICE, 400, True, n / 500)
    assert 2 <= len(lines) <= 3
    assert all(line["why"] == "too many packets" for line in lines)
    assert int(str(lines[1]["also"])) > 1000


# In a stack, on the wire


def guarded(world: World, **more: object) -> Defence:
    world.bob.stack.gate = gate = defence(**more)
    gate.note = world.bob.stack.note
    # What the endpoint does with what the stack sends.
    world.drop = lambda host, data: (
        host == BOB and not gate.lets_out(data, ALICE, True, world.now)
    )  # fmt: skip
    return gate


def statuses(world: World, host: str = BOB) -> list[str]:
    return [data.split()[1].decode() for _, sender, data in world.wire
            if sender == host and data.startswith(b"SIP/2.0")]  # fmt: skip


def test_dropped_means_not_a_single_byte() -> None:
    world = World()
    guarded(world, unknown="drop")
    world.alice.call(world.bob)
    world.run(60.0)
    assert statuses(world) == []
    assert not world.bob.stack.sessions
    assert world.bob.stack.open_transactions == 0
    nothing_is_left(world)


def test_a_stranger_may_call_and_be_called_back_within_its_call() -> None:
    world = World()
    gate = guarded(world)
    world.bob.script = answering
    ours = world.alice.call(world.bob)
    world.run(1.0)
    assert ours.up
    theirs = world.bob.sessions[0]
    theirs.reinvite(b"v=0")
    world.run(2.0)
    ours.end()
    world.run(3.0)
    assert not gate._dialogs
    nothing_is_left(world)


def test_an_answered_invite_in_a_victims_name_brings_it_little() -> None:
    """The victim never acknowledges: RFC 3261 would have its 200 sent eleven times."""
    world = World()
    gate = guarded(world)
    world.bob.script = answering
    got = 0
    let = gate.lets_out

    def count(data: bytes, host: str, udp: bool, now: float) -> bool:
        nonlocal got
        out = let(data, host, udp, now)
        got += len(data) * (out and data.startswith(b"SIP/2.0"))
        return out

    gate.lets_out = count  # type: ignore[method-assign]
    world.alice.call(world.bob)
    world.alice.stack.receive = lambda *_: None  # type: ignore[method-assign,assignment]
    world.run(100.0)
    paid = sum(len(data) for _, host, data in world.wire if host == ALICE)
    assert len(statuses(world)) > 11
    assert 0 < got <= FACTOR * paid
