"""The ``hold`` tool: the caller waits with music, until the time is over or somebody outside takes
the call back."""

import asyncio
from typing import TYPE_CHECKING

from gateway.agent.messages import Action

if TYPE_CHECKING:
    from gateway.calls.call import Call

BACK = "The caller was on hold for {:g} s and is back on the line."


async def hold(call: "Call", action: Action) -> tuple[bool, str]:
    tool = next(tool for tool in call.brief.all_tools if tool.name == action.tool)
    most = float(tool.options["max_s"])
    wanted = action.arguments.get("seconds")
    if wanted is not None and not (isinstance(wanted, int | float) and wanted > 0):
        return False, f"The argument 'seconds' must be a number above 0, not {wanted!r}."
    await call.forwarding.let_finish("")
    began = asyncio.get_running_loop().time()
    if not call.holding.hold():
        return False, "The caller cannot be put on hold now."
    if await call.holding.back(min(most, wanted or most)):
        seconds: float | None = round(asyncio.get_running_loop().time() - began, 1)
    else:
        seconds = call.holding.resume()
    return True, BACK.format(seconds or 0)
