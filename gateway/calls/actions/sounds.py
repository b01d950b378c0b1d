"""A file of its owner, played to the party once: the message that is left on a mailbox."""

from typing import TYPE_CHECKING

from gateway.agent.answering import FETCH, STOP
from gateway.agent.messages import Action

if TYPE_CHECKING:
    from gateway.calls.call import Call


async def play(call: "Call", action: Action) -> tuple[bool, str]:
    """Fetch it, or play it to its end. A message that cannot be had fails the action."""
    if action.action == STOP:
        call.leg.line.stop()
        return True, "It is silent."
    url = action.arguments["url"]
    if not await call.house.play_file(call.leg, url, action.action != FETCH):
        return False, f"{url} cannot be played; the log says why."
    return True, "It has been played."
