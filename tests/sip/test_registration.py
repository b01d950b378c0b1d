"""A registration kept up between two stacks: challenges, 423, refresh, failover, back-off."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from pydantic import SecretStr

from gateway.calls.passports import Passports
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import Objection
from gateway.sip.registrar import Registrar, RegistrarSettings
from gateway.sip.registration import TABLE, Account, Registration, State
from gateway.sip.routing import Hop
from tests.sip.world import Phone, World

BOB = Hop(("192.0.2.2", 5060), "udp")
CAROL = Hop(("192.0.2.3", 5060), "udp")


def registrar(world: World, phone: Phone, **more: int) -> Registrar:
    settings = RegistrarSettings(enabled=True, users={"7001": SecretStr("secret")}, **more)
    passports = Passports(b"key", "pbx")
    made = Registrar(
        settings,
        lambda request, source: passports(request, made.passwords, "", world.now),
        phone.stack,
    )
    phone.stack.serves["REGISTER"] = made.requested
    return made


def refusing(phone: Phone, status: int) -> None:
    def refuse(exchange: Exchange) -> None:
        raise Objection(status, "No")

    phone.stack.serves["REGISTER"] = refuse


def registration(
    world: World, *hops: Hop, password: str = "secret", expires_s: int = 600
) -> Registration:
    stack = world.alice.stack
    authorizer = Authorizer(Credentials("7001", password), stack.token)
    made = Registration(
        stack,
        Account("7001", "pbx.example", hops or (BOB,), expires_s),
        authorizer.begin,
        jitter=lambda: 1.0,
    )
    made.start()
    return made


def registers(world: World, since: float = 0.0) -> list[float]:
    return [at for at, host, data in world.wire
            if data.startswith(b"REGISTER") and at >= since]  # fmt: skip


def test_it_registers_is_renewed_and_taken_back() -> None:
    world = World()
    book = registrar(world, world.bob)
    ours = registration(world)
    world.run(1.0)
    assert ours.state is State.UP
    (binding,) = book.find("7001")
    assert binding.contact == "sip:7001@192.0.2.1:5060"
    assert ours.until == pytest.approx(600, abs=1)

    world.run(2000.0)
    assert ours.state is State.UP
    rounds = [at for at in registers(world) if at > 1]
    assert rounds[0] == pytest.approx(480, abs=1)  # 0.8 of what was granted
    ours.stop()
    world.run(2010.0)
    assert ours.over
    assert not book.find("7001")
    sent = len(world.wire)
    world.run(9000.0)
    assert len(world.wire) == sent  # nothing is kept alive that is gone


def test_too_brief_is_asked_again_for_longer() -> None:
    world = World()
    registrar(world, world.bob, least_s=900)
    ours = registration(world, expires_s=60)
    world.run(2.0)
    assert ours.state is State.UP
    assert ours.until == pytest.approx(900, abs=2)


def test_a_longer_wish_is_cut_to_what_is_granted() -> None:
    world = World()
    registrar(world, world.bob, most_s=120)
    ours = registration(world, expires_s=3600)
    world.run(2.0)
    assert ours.until == pytest.approx(120, abs=2)
    world.run(1000.0)
    assert ours.state is State.UP


def test_a_wrong_password_is_not_tried_again_and_again() -> None:
    world = World()
    registrar(world, world.bob)
    ours = registration(world, password="wrong")
    world.run(1700.0)
    assert ours.state is State.WAITING
    assert "401" in ours.why
    assert len(registers(world)) == 2  # without credentials, and once with them


def test_the_next_registrar_takes_over_and_the_first_is_preferred_afterwards() -> None:
    world = World()
    carol = world.phone("192.0.2.3")
    refusing(world.bob, 503)
    book = registrar(world, carol)
    ours = registration(world, BOB, CAROL)
    world.run(2.0)
    assert ours.state is State.UP
    assert ours.hop == CAROL
    assert book.find("7001")


def test_a_dead_registrar_is_backed_off_from_as_rfc_5626_says() -> None:
    world = World()
    world.drop = lambda host, data: True
    ours = registration(world)
    world.run(8000.0)
    assert ours.state is not State.UP
    first = [at for at, _, data in world.wire if data.startswith(b"REGISTER")]
    starts = [b for a, b in pairwise(first) if b - a > 20]
    # Timer F is 32 s, and the pauses are 30, 60, 120, ... up to 1800 s with the jitter at its most.
    gaps = [round(b - a) for a, b in pairwise(starts)]
    assert gaps[:5] == [92, 152, 272, 512, 992]
    assert ours.failures >= 6
    world.drop = lambda host, data: False
    registrar(world, world.bob)
    world.run(12_000.0)
    assert ours.state is State.UP
    assert ours.failures == 0


def test_an_unanswered_farewell_ends_all_the_same() -> None:
    world = World()
    registrar(world, world.bob)
    ours = registration(world)
    world.run(1.0)
    world.drop = lambda host, data: True
    ours.stop()
    world.run(60.0)
    assert ours.over


def test_keep_alives_hold_a_nat_open() -> None:
    world = World()
    registrar(world, world.bob)
    registration(world)
    world.run(130.0)
    pings = [at for at, _, data in world.wire if data == b"\r\n\r\n"]
    assert len(pings) >= 5
    assert all(b - a <= 25 for a, b in pairwise(pings))


def test_a_broken_connection_is_registered_over_anew() -> None:
    world = World(transport="tcp")
    registrar(world, world.bob)
    hop = Hop(("192.0.2.2", 5060), "tcp")
    ours = registration(world, hop)
    world.run(1.0)
    before = len(registers(world))
    ours.broken(hop)
    world.run(2.0)
    assert len(registers(world)) == before + 2
    assert ours.state is State.UP


@pytest.mark.parametrize("loss", [0.2, 0.4])
def test_over_a_bad_link_it_is_registered_most_of_the_time(loss: float) -> None:
    world = World(seed=7, loss=loss, twice=0.1, delay=(0.01, 0.3))
    registrar(world, world.bob)
    ours = registration(world, expires_s=300)
    up = 0
    for minute in range(1, 61):
        world.run(minute * 60.0)
        up += ours.registered
    assert up >= 50


def test_every_state_has_a_way_out_and_every_action_exists() -> None:
    reached = {after for after, _ in TABLE.values()} | {State.IDLE}
    assert {state for state, _ in TABLE} | {State.GONE} == reached == set(State)
    actions = {action for _, actions in TABLE.values() for action in actions.split()}
    assert all(isinstance(getattr(Registration, f"_do_{name}"), Callable) for name in actions)
