"""What an agent may have done on the phone, a file per action."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gateway.agent.messages import Action, ActionResult
from gateway.calls.actions import (
    digits,
    function,
    handoff,
    holds,
    recording_consent,
    sip_request,
    sms,
    sounds,
    take_message,
    transfer,
)
from gateway.calls.errand import Errand

if TYPE_CHECKING:
    from gateway.calls.call import Call

Outcome = tuple[bool, str]  # did it work; what the model is told

# Of every other kind are the tools that are no deed on the phone.
ACTIONS: dict[str, Callable[["Call", Action], Awaitable[Outcome | None]]] = {
    "dtmf": digits.send,
    "hold": holds.hold,
    "playSound": sounds.play,
    "recordingConsent": recording_consent.grant,
    "sipRequest": sip_request.send,
    "sms": sms.send,
    "takeMessage": take_message.take,
    "transferCall": transfer.move,
    "handoff": handoff.hand_over,
}


async def perform(call: "Call", action: Action) -> ActionResult | None:
    """Do it. Every action has an outcome, also one that nobody knows or that goes wrong;
    None: there is nobody left to be told."""
    act = ACTIONS.get(action.kind, function.call)
    try:
        if why := _rejected(call, action):
            outcome: Outcome | None = False, f"The tool {action.tool} failed: {why}"
        else:
            outcome = await act(call, action)
    except Exception as error:
        call.log.exception("action failed", extra={"tool": action.tool})
        outcome = False, f"The tool {action.tool} failed: {error}"
    call.happened("action", tool=action.tool, ok=outcome is None or outcome[0])
    if outcome is None:
        return None
    ok, content = outcome
    return ActionResult(call=call.record.id, action=action.action, ok=ok, content=content)


def _rejected(call: "Call", action: Action) -> str:
    """Why a deed on the phone is not allowed now; of other tools, ``ToolServer.call`` finds it."""
    tool = next((t for t in call.brief.all_tools if t.name == action.tool), None)
    if tool is None or action.kind not in ACTIONS:
        return ""
    why = call.tools.rejected(Errand.of(call, tool, action))
    return f"the call is not allowed now: {why}" if why else ""
