"""What an owner wants done when a call is over: the hooks of its end."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import Action
from gateway.agent.plans import HookAction
from gateway.calls import actions

if TYPE_CHECKING:
    from gateway.calls.call import Call

log = logging.getLogger(__name__)

# Kinds of tool that need the call; a text message goes by the trunk, too.
ON_THE_LINE = frozenset({*actions.ACTIONS, "endCall", "voicemail"} - {"sms"})
# The documented word for every reason that a vendor is to blame for.
_ANY_VENDOR = "pipeline-error"


def wanted(call: "Call") -> Iterator[tuple[ToolBrief, HookAction]]:
    """The tools to be called, for the reason that the call ended for. What needs the line is left
    out: there is nobody left to be spoken to or transferred."""
    reason = call.record.ended_reason or ""
    tools = {tool.name: tool for tool in call.brief.all_tools}
    for hook in call.brief.hooks:
        fits = hook.reasons is None or reason in hook.reasons
        fits = fits or (_ANY_VENDOR in (hook.reasons or ()) and _ANY_VENDOR in reason)
        for action in hook.do:
            if hook.on == "ending" and fits and action.do == "tool":
                tool = tools.get(action.tool)
                if tool and tool.kind not in ON_THE_LINE:
                    yield tool, action
                else:
                    log.warning("a hook of the call's end is left out: %s", action.tool)


async def attend(call: "Call") -> None:
    for number, (tool, action) in enumerate(wanted(call), 1):
        result = await actions.perform(
            call,
            Action(
                call=call.record.id,
                action=f"ending-{number}",
                tool=tool.name,
                kind=tool.kind,
                arguments=action.arguments,
            ),
        )
        call.happened("hook", tool=tool.name, ok=result is not None and result.ok)
    found = await call.tools.analyse(call.record, call.papers, call.brief)
    call.record.analysis, call.record.outputs = found.analysis, found.outputs
    call.record.storable = list(found.storable)
