"""The ``dtmf`` tool: press keys for the agent. ``w`` waits half a second, ``W`` a whole one."""

import asyncio
import re
from typing import TYPE_CHECKING

from gateway.agent.messages import Action

if TYPE_CHECKING:
    from gateway.calls.call import Call

PAUSES_S = {"w": 0.5, "W": 1.0}


def parts(keys: str) -> list[str]:
    """Runs of keys, and pauses one by one. Raises ValueError naming a character that is neither."""
    if bad := re.search(r"[^0-9*#A-Da-dwW]", keys):
        raise ValueError(f"{bad[0]!r} is not a telephone key (0-9 * # A-D, w or W for a pause)")
    return re.findall(r"[wW]|[0-9*#A-Da-d]+", keys)


async def send(call: "Call", action: Action) -> tuple[bool, str]:
    keys = str(action.arguments.get("keys") or action.arguments.get("dtmf") or "")
    try:
        steps = parts(re.sub(r"[\s,()-]", "", keys))
    except ValueError as error:
        return False, str(error)
    tool = next((t for t in call.brief.all_tools if t.name == action.tool), None)
    by_info = bool(tool and tool.options.get("by_info"))
    if not steps:
        return False, "The argument 'keys' names no keys to press."
    for step in steps:
        if step in PAUSES_S:
            await asyncio.sleep(PAUSES_S[step])
        else:
            await call.leg.dial(step.upper(), by_info=by_info)
    return True, f"Pressed {keys}."
