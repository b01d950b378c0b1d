"""How many calls a second the stack sets up and ends on one core: ``python -m tests.sip.rate``.

Two user agents in one process, no sockets: INVITE, 100, 180, 200, ACK, BYE, 200, with the SDP
of a plain telephone call. The figure counts both ends' work; the clock of the stacks stands
still while calls are made, and then runs on to empty them.
"""

import time

from gateway.sdp import Local, make_offer
from gateway.sip.session import Session
from tests.sip.world import World

CALLS = 2_000


def measure(calls: int = CALLS) -> float:
    """Whole calls per second."""
    world = World(delay=(0.0, 0.0))
    sdp = bytes(make_offer(Local("192.0.2.1", 4000)))

    def answer(session: Session) -> None:
        session.ring()
        session.answer(sdp)

    world.bob.script = answer
    began = time.perf_counter()
    for _ in range(calls):
        session = world.alice.call(world.bob, sdp)
        world.run(world.now)
        assert session.up
        session.end()
        world.run(world.now)
        assert session.over
    took = time.perf_counter() - began
    world.run()
    assert world.alice.stack.open_transactions == world.bob.stack.open_transactions == 0
    return calls / took


if __name__ == "__main__":
    print(f"{measure():.0f} calls/s")
