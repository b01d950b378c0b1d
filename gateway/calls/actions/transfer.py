"""The ``transferCall`` tool: the caller goes to somebody else, or comes back to the agent."""

from typing import TYPE_CHECKING

from gateway.agent.messages import Action
from gateway.calls.destination import Destination
from gateway.calls.errand import Errand

if TYPE_CHECKING:
    from gateway.calls.call import Call


async def move(call: "Call", action: Action) -> tuple[bool, str] | None:
    """None if another assistant has the call: who asked for it is no longer there to be told."""
    tool = next((t for t in call.brief.all_tools if t.name == action.tool), None)
    if tool is None:
        return False, f"There is no tool named {action.tool!r}."
    known = [Destination.model_validate(each) for each in tool.options.get("destinations") or ()]
    chosen: Destination | str
    if known:
        chosen = choose(known, str(action.arguments.get("destination") or ""))
    else:
        chosen = await call.tools.destination(Errand.of(call, tool, action))
    if isinstance(chosen, str):
        return False, chosen
    if chosen.assistant:
        why = await call.handover.transferred(chosen, action.action)
        return (False, f"The call could not be handed over: {why}.") if why else None
    return await call.forwarding.run(chosen)


def choose(known: list[Destination], wanted: str) -> Destination | str:
    """The destination of this name, or what the model is told: there is none."""
    for destination in known:
        if wanted in (destination.name, destination.target):
            return destination
    if len(known) == 1 and not wanted:
        return known[0]
    names = ", ".join(destination.name for destination in known)
    return f"There is no destination {wanted!r}; there are: {names}."
