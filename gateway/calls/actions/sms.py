"""The ``sms`` tool: by the call's trunk, if that takes texts, else by the account that the tool's
owner has."""

from typing import TYPE_CHECKING

from gateway.agent.messages import Action
from gateway.calls.actions import function
from gateway.calls.ports import CallRefused

if TYPE_CHECKING:
    from gateway.calls.call import Call


async def send(call: "Call", action: Action) -> tuple[bool, str]:
    to = str(action.arguments.get("to") or call.record.customer.number)
    text = str(action.arguments.get("message") or "")
    if not call.house.texts.takes(call, to):
        return await function.call(call, action)
    if not text:
        return False, "The argument 'message' is missing."
    try:
        answer = await call.house.texts.send(call, to, text)
    except CallRefused as error:
        return False, f"The text was not sent to {to}: {error}."
    call.happened("text_sent", to=to, status=answer.status)
    if answer.status < 300:
        return True, f"The text was sent to {to}: {answer.status} {answer.phrase}."
    return False, f"The text to {to} was not taken: {answer.status} {answer.phrase}."
