"""What an owner wants done when a call is over: the hooks of its end."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.agent.brief import ToolBrief
from gateway.agent.plans import HookAction
from gateway.calls.errand import Errand

if TYPE_CHECKING:
    from gateway.calls.call import Call

log = logging.getLogger(__name__)

# The documented word for every reason that a vendor is to blame for.
_ANY_VENDOR = "pipeline-error"


def wanted(call: "Call") -> Iterator[tuple[ToolBrief, HookAction]]:
    """The tools to be called, for the reason that the call ended for. Only those with a server can
    still do something: there is nobody left to be spoken to or transferred."""
    reason = call.record.ended_reason or ""
    tools = {tool.name: tool for tool in call.brief.all_tools}
    for hook in call.brief.hooks:
        fits = hook.reasons is None or reason in hook.reasons
        fits = fits or (_ANY_VENDOR in (hook.reasons or ()) and _ANY_VENDOR in reason)
        for action in hook.do:
            if hook.on == "ending" and fits and action.do == "tool":
                tool = tools.get(action.tool)
                if tool and tool.kind == "function":
                    yield tool, action
                else:
                    log.warning("a hook of the call's end is left out: %s", action.tool)


async def attend(call: "Call") -> None:
    call.record.ended_at = datetime.now(UTC)  # what follows may take its time
    for number, (tool, action) in enumerate(wanted(call), 1):
        reply = await call.tools.call(
            Errand(call.record, call.papers, tool, action.arguments, f"ending-{number}")
        )
        call.happened("hook", tool=tool.name, ok=reply.ok)
    found = await call.tools.analyse(call.record, call.papers, call.brief)
    call.record.analysis, call.record.outputs = found.analysis, found.outputs
