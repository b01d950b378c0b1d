"""Requests too large for one datagram (RFC 3261 section 18.1.1)."""

from tests.sip.world import World, answering, nothing_is_left

BIG = b"v=0\r\n" + b"a=x\r\n" * 300


def by(world: World) -> list[str]:
    """The transports that alice's requests went by, in order."""
    sent = [data for _, host, data in world.wire if host == world.alice.host]
    return [data.partition(b"SIP/2.0/")[2][:3].decode() + " " + data.split(b" ")[0].decode()
            for data in sent]  # fmt: skip


def refusing_tcp(world: World) -> None:
    """Whatever alice sends by TCP is lost, and she is told at once."""

    def lost(host: str, data: bytes) -> bool:
        if host != world.alice.host or b"Via: SIP/2.0/TCP" not in data:
            return False
        where, why = (world.bob.host, 5060), "connection refused"
        world.after(0.01, lambda: world.alice.stack.unreachable(where, "tcp", why, world.now))
        return True

    world.drop = lost


def test_large_invite_goes_by_tcp_and_the_rest_of_the_call_where_contacts_say() -> None:
    world = World()
    world.bob.script = answering
    session = world.alice.call(world.bob, sdp=BIG)
    world.run(1.0)
    assert session.up
    session.end()
    nothing_is_left(world)
    assert by(world)[0] == "TCP INVITE"


def test_small_invite_goes_by_udp() -> None:
    world = World()
    world.bob.script = answering
    world.alice.call(world.bob)
    world.run(1.0)
    assert by(world) == ["UDP INVITE", "UDP ACK"]


def test_where_tcp_is_refused_udp_is_used_and_remembered() -> None:
    world = World()
    world.bob.script = answering
    refusing_tcp(world)
    first = world.alice.call(world.bob, sdp=BIG)
    world.run(1.0)
    assert first.up
    assert by(world)[:2] == ["TCP INVITE", "UDP INVITE"]
    world.wire.clear()
    second = world.alice.call(world.bob, sdp=BIG)
    world.run(2.0)
    assert second.up
    assert by(world) == ["UDP INVITE", "UDP ACK"]
    first.end()
    second.end()
    nothing_is_left(world)


def test_large_call_given_up_before_any_answer_is_sent_no_more() -> None:
    world = World()
    refusing_tcp(world)
    session = world.alice.call(world.bob, sdp=BIG)
    session.end()
    nothing_is_left(world)
    assert by(world) == ["TCP INVITE"]
