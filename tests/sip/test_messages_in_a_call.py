"""INFO, MESSAGE and OPTIONS: within a call, and outside of any."""

import pytest

from gateway.sip.events import InfoReceived, MessageReceived
from gateway.sip.exchange import Exchange
from gateway.sip.message import Request, Response, parse
from tests.sip.world import World, connected


def ask(world: World, method: str, dialog: bool = True, **headers: str) -> Response:
    """Have bob hear a request; his answer."""
    if dialog:
        ours, _ = connected(world)
        assert ours.dialog is not None
        request = ours.dialog.request(method)
    else:
        request = Request(method=method, target="sip:bob@192.0.2.2")
        for name, value in (("From", "<sip:a@b>;tag=1"), ("To", "<sip:bob@192.0.2.2>"),
                            ("Call-ID", "x"), ("CSeq", f"1 {method}")):  # fmt: skip
            request.headers.add(name, value)
    request.headers.add("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx", at_top=True)
    request.headers.add("Content-Type", "text/plain")
    request.body = b"hello"
    for name, value in headers.items():
        request.headers.add(name.replace("_", "-"), value)
    world.bob.stack.receive(bytes(request), ("192.0.2.1", 5060), "udp", world.now)
    response = parse(world.bob.stack.outbox[-1].data)
    assert isinstance(response, Response)
    world.bob.stack.deliver()
    return response


def test_texts_go_both_ways() -> None:
    world = World()
    ours, theirs = connected(world)
    ours.message("text/plain", b"hello")
    theirs.message("Text/Plain;charset=utf-8", b"hello yourself")
    world.run(2.0)
    assert world.bob.events(MessageReceived) == [MessageReceived("text/plain", b"hello")]
    assert world.alice.events(MessageReceived) == [MessageReceived("text/plain", b"hello yourself")]


@pytest.mark.parametrize(("method", "status"), [("MESSAGE", 200), ("INFO", 200), ("OPTIONS", 200),
                                                ("PUBLISH", 405)])  # fmt: skip
def test_within_a_call(method: str, status: int) -> None:
    assert ask(World(), method).status == status


def test_info_of_an_unknown_package_is_refused_rfc6086() -> None:
    world = World()
    response = ask(world, "INFO", Info_Package="nobody-knows")
    assert response.status == 469
    assert response.headers.get("Recv-Info") == ""
    assert not world.bob.events(InfoReceived)


@pytest.mark.parametrize(("method", "status"), [
    ("MESSAGE", 405), ("REFER", 403), ("SUBSCRIBE", 489), ("NOTIFY", 481), ("INFO", 481),
    ("UPDATE", 481), ("PRACK", 481), ("OPTIONS", 200), ("BYE", 481),
])  # fmt: skip
def test_outside_of_a_call(method: str, status: int) -> None:
    assert ask(World(), method, dialog=False).status == status


def test_text_outside_of_a_call_is_taken_if_somebody_serves_it() -> None:
    world = World()
    texts: list[bytes] = []

    def take(exchange: Exchange) -> None:
        texts.append(exchange.request.body)
        world.bob.stack.respond(exchange, exchange.request.reply(202, tag=exchange.tag))

    world.bob.stack.serves["MESSAGE"] = take
    assert ask(world, "MESSAGE", dialog=False).status == 202
    assert texts == [b"hello"]


@pytest.mark.parametrize(("value", "status"), [
    ("Auto", None), ("Manual", None), ("Auto;require", 403), ("Auto; Require", 403),
])  # fmt: skip
def test_how_to_answer_is_not_the_callers_choice_rfc5373(value: str, status: int | None) -> None:
    world = World()
    world.alice.call(world.bob, headers=[("Answer-Mode", value)])
    world.run(1.0)
    assert len(world.bob.sessions) == (0 if status else 1)
    assert any(d.startswith(b"SIP/2.0 403") for _, _, d in world.wire) == bool(status)
