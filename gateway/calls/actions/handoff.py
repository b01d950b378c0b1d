"""The ``handoff`` tool: another assistant holds the call from now on."""

from typing import TYPE_CHECKING

from gateway.agent.messages import Action
from gateway.calls.errand import Errand
from gateway.calls.ports import CallRefused

if TYPE_CHECKING:
    from gateway.calls.call import Call


async def hand_over(call: "Call", action: Action) -> tuple[bool, str] | None:
    """None if it worked: who asked for it is no longer there to be told."""
    tool = next((t for t in call.brief.all_tools if t.name == action.tool), None)
    if tool is None:
        return False, f"There is no tool named {action.tool!r}."
    try:
        successor = await call.tools.successor(Errand.of(call, tool, action))
    except CallRefused as error:
        return False, str(error)
    if why := await call.handover.to(successor, action.action):
        return False, f"The call could not be handed over: {why}."
    return None
