"""Hysteresis as a table, and OPTIONS between two stacks."""

from itertools import pairwise

import pytest

from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from gateway.trunks.health import TABLE, Health, Pings, State
from tests.sip.world import World


def run(health: Health, results: str) -> str:
    """``+`` and ``-`` are results; the states after each, by their first letters."""
    letters = ""
    for result in results:
        health.good(0) if result == "+" else health.bad("x", 0)
        letters += health.state.value[0]
    return letters


@pytest.mark.parametrize(
    ("results", "states"),
    [
        ("+++", "uuu"),
        ("-+-+", "susu"),
        ("--+", "ssu"),
        ("---", "ssd"),
        ("---+-+", "ssdcdc"),
        ("---++", "ssdcu"),
        ("---++-", "ssdcus"),
        ("--+--", "ssuss"),
    ],
)
def test_one_result_changes_nothing(results: str, states: str) -> None:
    assert run(Health(3, 2), results) == states


def test_counts_of_one_switch_at_once() -> None:
    assert run(Health(1, 1), "-+-+") == "dudu"


def test_every_state_answers_every_result() -> None:
    assert {(s, what) for s in State for what in ("good", "bad")} <= set(TABLE)
    assert set(TABLE.values()) == set(State)


def test_a_gateway_that_nobody_asks_is_tried_again_after_a_rest() -> None:
    health = Health(1, 1)
    health.bad("503", 100.0)
    assert not health.worth_a_try(110.0, asked=False)
    assert health.worth_a_try(131.0, asked=False)
    assert not health.worth_a_try(131.0, asked=True)


def watched(world: World) -> tuple[Health, Pings, list[Hop]]:
    health, heard = Health(2, 2), []
    pings = Pings(world.alice.stack, Hop(("192.0.2.2", 5060), "udp"),
                  Uri.parse("sip:192.0.2.2"), health, 30.0, heard.append)  # fmt: skip
    return health, pings, heard


def test_options_find_out_that_a_gateway_dies_and_comes_back() -> None:
    world = World()
    health, pings, heard = watched(world)
    world.run(100.0)
    assert health.state is State.UP
    assert heard[0].address == ("192.0.2.2", 5060)
    sent = [at for at, host, data in world.wire if data.startswith(b"OPTIONS")]
    assert all(25 < b - a < 35 for a, b in pairwise(sent))

    world.drop = lambda host, data: host == "192.0.2.2"
    world.run(250.0)
    assert health.state is State.DOWN
    assert "OPTIONS" in health.why
    world.drop = lambda host, data: False
    world.run(400.0)
    assert health.state is State.UP
    pings.stop()
    before = len(world.wire)
    world.run(1000.0)
    assert len(world.wire) == before
