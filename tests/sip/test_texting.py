"""A text outside of any call (RFC 3428): what is sent, who is believed, and what came of it."""

import pytest

from gateway.sip.challenger import Challenger
from gateway.sip.credentials import Credentials
from gateway.sip.exchange import Exchange
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.texting import Text, send
from tests.sip.world import World

TEXT = Text("sip:+4930@192.0.2.2", "sip:+4989@192.0.2.1", "Grüße aus München")


def sent(world: World, text: Text = TEXT) -> list[tuple[int | None, str]]:
    told: list[tuple[int | None, str]] = []
    send(world.alice.stack, text, lambda status, why: told.append((status, why)))
    world.run(100.0)
    return told


def test_it_arrives_and_is_taken() -> None:
    world, came = World(), []

    def take(exchange: Exchange) -> None:
        came.append(exchange.request)
        world.bob.stack.respond(exchange, exchange.request.reply(202, tag=exchange.tag))

    world.bob.stack.serves["MESSAGE"] = take
    assert sent(world) == [(202, "Accepted")]
    (request,) = came
    assert request.body.decode() == "Grüße aus München"
    assert request.headers.get("Content-Type") == "text/plain;charset=UTF-8"
    assert (request.from_.uri.user, request.to.uri.user) == ("+4989", "+4930")
    assert "Contact" not in request.headers  # section 4


@pytest.mark.parametrize(("password", "status"), [("right", 200), ("wrong", 401)])
def test_a_challenge_is_answered_once(password: str, status: int) -> None:
    world = World()
    challenger = Challenger(b"key", "bob")

    def take(exchange: Exchange) -> None:
        verdict = challenger.check(exchange.request, lambda user: "right", world.now)
        response = exchange.request.reply(verdict.status or 200, tag=exchange.tag)
        for header in verdict.headers:
            response.headers.add(*header)
        world.bob.stack.respond(exchange, response)

    world.bob.stack.serves["MESSAGE"] = take
    proof = Text(**(TEXT.__dict__ | {"credentials": Credentials("ann", password)}))
    ((told, _),) = sent(world, proof)
    assert told == status
    assert sum(line.startswith("1 MESSAGE") for line in world.starts()) == 2


def test_nobody_there() -> None:
    world = World()
    world.drop = lambda host, data: True
    ((told, why),) = sent(world)
    assert told is None
    assert why


def test_who_takes_texts_in_calls_only_says_so_and_names_what_it_takes() -> None:
    world = World()
    assert sent(world) == [(405, "MESSAGE is taken within a call only")]
    answer = next(d for _, host, d in world.wire if host == "192.0.2.2")
    (allow,) = (line for line in answer.decode().splitlines() if line.startswith("Allow:"))
    assert "MESSAGE" not in allow
    assert "INVITE" in allow


def test_what_is_too_long_or_to_nobody_is_not_sent() -> None:
    world = World()
    for wrong in ({"text": "ä" * 651}, {"target": "nobody"}):
        with pytest.raises(SipSyntaxError):
            sent(world, Text(**(TEXT.__dict__ | wrong)))
    assert not world.wire
