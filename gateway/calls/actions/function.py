"""A tool that is no deed on the phone: done by whoever speaks the API's language."""

import asyncio
from typing import TYPE_CHECKING

from gateway.agent.messages import Action, Say
from gateway.calls.errand import Errand

if TYPE_CHECKING:
    from gateway.calls.call import Call


async def call(call: "Call", action: Action) -> tuple[bool, str]:
    known = [*call.brief.all_tools, *filter(None, [call.brief.knowledge])]
    tool = next((t for t in known if t.name == action.tool), None)
    if tool is None:
        return False, f"There is no tool named {action.tool!r}."
    try:
        async with asyncio.timeout(tool.timeout_s + 1.0):
            reply = await call.tools.call(Errand.of(call, tool, action))
    except TimeoutError:
        return False, f"The tool {tool.name} did not answer within {tool.timeout_s:g} s."
    call.know(reply.variables)
    if reply.say or reply.end_call:
        call.tell(Say(call=call.record.id, text=reply.say or "", then_end=reply.end_call))
    return reply.ok, reply.content
