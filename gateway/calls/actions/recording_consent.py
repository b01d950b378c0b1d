"""The caller agrees to be recorded: the tool of the agent that asks for it."""

from typing import TYPE_CHECKING

from gateway.agent.messages import Action

if TYPE_CHECKING:
    from gateway.calls.call import Call


async def grant(call: "Call", action: Action) -> None:
    """Who asked is no longer there to be told."""
    await call.consent.granted(action.action)
