"""Requests to a name with several targets (RFC 3263 section 4.3), by a clock turned by hand."""

from gateway.sip.events import Answered, Ended, Refused
from gateway.sip.message import parse
from gateway.sip.outgoing import Found
from gateway.sip.resolution import Srv
from gateway.sip.routing import Hop
from gateway.sip.session import Session
from gateway.sip.uri import Uri
from tests.sip.names import Zone
from tests.sip.wire import Answering, Ear, endpoint, port_of
from tests.sip.world import Phone, World, answering

FIRST, SECOND = Hop(("192.0.2.2", 5060), "udp", "pbx"), Hop(("192.0.2.3", 5060), "udp", "pbx")


class Places:
    """Answers with these targets when told to, or at once."""

    def __init__(self, *hops: Hop, at_once: bool = True) -> None:
        self.hops, self.at_once = list(hops), at_once
        self.waiting: list[Found] = []

    def __call__(self, uri: Uri, found: Found) -> None:
        if self.at_once:
            found(self.hops, "" if self.hops else f"{uri.host}: nowhere")
        else:
            self.waiting.append(found)


def world_with(places: Places) -> tuple[World, Phone]:
    world = World()
    world.alice.stack._outgoing._locate = places
    return world, world.phone("192.0.2.3")


def call(world: World) -> Session:
    session = world.alice.stack.invite("sip:bob@pbx.example", sdp=b"offer")
    world.alice._own(session)
    return session


def invites(world: World) -> list[tuple[str, str]]:
    """(Call-ID, branch) of every INVITE that was sent, without repetitions."""
    found = (parse(data) for _, host, data in world.wire if data.startswith(b"INVITE"))
    return list(dict.fromkeys((m.call_id, m.via.branch) for m in found))


def busy(session: Session) -> None:
    session.refuse(503, headers=(("Retry-After", "120"),))


def test_the_second_target_is_asked_when_the_first_is_silent() -> None:
    world, carol = world_with(Places(FIRST, SECOND))
    world.drop = lambda host, data: host == "192.0.2.2"
    carol.script = answering
    ours = call(world)
    world.run(31.9)
    assert not carol.sessions
    world.run(33.0)
    assert ours.up
    assert [type(e) for e in world.alice.told[ours]][-1] is Answered
    (one, first), (two, second) = invites(world)
    assert one == two
    assert first != second
    assert ours.remote == SECOND.address


def test_503_sends_it_on_and_is_remembered() -> None:
    world, carol = world_with(Places(FIRST, SECOND))
    world.bob.script, carol.script = busy, answering
    ours = call(world)
    world.run(1.0)
    assert ours.up
    assert not world.alice.events(Refused)
    assert [line for line in world.starts() if line.startswith("1 ACK")]  # of the 503, too
    for n, wait_s in ((2, 10.0), (3, 200.0)):
        world.after(wait_s, lambda: None)
        world.run(world.now + wait_s)
        again = call(world)
        world.run(world.now + 1.0)
        assert again.up
        assert len(world.bob.sessions) == (1 if n == 2 else 2)


def test_the_last_refusal_is_the_one_that_is_told() -> None:
    world, carol = world_with(Places(FIRST, SECOND))
    world.bob.script = busy
    carol.script = lambda session: session.refuse(503, "Full as well")
    ours = call(world)
    world.run(100.0)
    assert world.alice.told[ours] == [
        Refused(503, "Full as well", "peer", world.alice.told[ours][0].response)  # type: ignore[union-attr]
    ]
    assert not world.alice.stack.sessions
    assert world.alice.stack.open_transactions == 0


def test_any_other_refusal_is_final() -> None:
    world, carol = world_with(Places(FIRST, SECOND))
    world.bob.script = lambda session: session.refuse(486)
    call(world)
    world.run(100.0)
    assert not carol.sessions


def test_what_the_network_cannot_reach_is_passed_over_at_once() -> None:
    world, carol = world_with(Places(FIRST, SECOND))
    carol.script = answering
    ours = call(world)
    world.alice.stack.deliver()
    world.alice.stack.outbox.clear()
    world.alice.stack.unreachable(FIRST.address, "udp", "Connection refused", world.now)
    world.run(1.0)
    assert ours.up
    assert not world.bob.sessions


def test_a_call_that_is_given_up_goes_nowhere_else() -> None:
    world, carol = world_with(Places(FIRST, SECOND))
    world.drop = lambda host, data: host == "192.0.2.2"
    ours = call(world)
    world.after(5.0, ours.end)
    world.run(100.0)
    assert world.alice.told[ours] == [Ended("us", 487)]
    assert not carol.sessions
    assert not world.alice.stack.sessions


def test_a_call_that_is_given_up_before_dns_answers_is_never_sent() -> None:
    places = Places(FIRST, at_once=False)
    world, _ = world_with(places)
    ours = call(world)
    world.run(1.0)
    ours.end()
    places.waiting[0]([FIRST], "")
    world.run(2.0)
    assert world.wire == []
    assert world.alice.told[ours] == [Ended("us", 487)]
    assert not world.alice.stack.sessions


def test_a_name_without_targets_refuses_with_the_reason() -> None:
    world, _ = world_with(Places())
    ours = call(world)
    world.run(1.0)
    assert world.alice.told[ours] == [Refused(503, "pbx.example: nowhere", "network")]


def test_the_contact_is_of_the_transport_that_dns_chose() -> None:
    world, carol = world_with(Places(Hop(SECOND.address, "tcp", "pbx.example")))
    carol.transport = "tcp"
    call(world)
    world.run(1.0)
    request = carol.sessions[0].request
    assert request.via.transport == "TCP"
    assert request.contact is not None
    assert request.contact.uri.transport == "tcp"


async def test_on_real_sockets_the_next_srv_target_is_called_when_one_refuses() -> None:
    async with endpoint(Answering()) as server:
        records = {"A live.example": ("127.0.0.1",), "A dead.example": ("127.0.0.1",)}
        for transport in ("tcp", "udp"):
            name = f"SRV _sip._{transport}.pbx.example"
            records[name] = (  # type: ignore[assignment]
                Srv(1, 0, 9, "dead.example"),
                Srv(2, 0, port_of(server, transport), "live.example"),
            )
        async with endpoint(ask=Zone(records)) as client:
            for transport in ("tcp", "udp"):
                target = f"sip:x@pbx.example;transport={transport}"
                event = await Ear(client.invite(target, sdp=b"offer")).next()
                assert isinstance(event, Answered)
                assert client.local_address_for("pbx.example") == "127.0.0.1"
