"""What somebody outside may have a call do, by the documented control messages."""

from typing import Any

from gateway.agent.messages import Add, Say
from gateway.api.destinations import destination
from gateway.api.errors import BadRequest
from gateway.api.requests import checked
from gateway.api.shapes import Schema, reference
from gateway.api.successors import Successors
from gateway.calls.ports import CallRefused
from gateway.calls.steering import Steering

Json = dict[str, Any]

_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
_CONTROLS = (
    "mute-assistant", "unmute-assistant", "mute-customer", "unmute-customer", "say-first-message"
)  # fmt: skip


def _shape(required: tuple[str, ...] = (), **fields: Any) -> Schema:
    return {
        "type": "object",
        "properties": {"type": _TEXT, **fields},
        "required": list(required),
        "additionalProperties": False,
    }


_SHAPES: dict[str, Schema] = {
    "say": _shape(
        content=_TEXT,
        message=_TEXT,  # how the web client writes it
        endCallAfterSpoken=_FLAG,
        interruptionsEnabled=_FLAG,
        interruptAssistantEnabled=_FLAG,
    ),
    "add-message": _shape(
        ("message",),
        message={
            "type": "object",
            "properties": {
                "role": {"type": "string", "enum": ["system", "user", "assistant"]},
                "content": _TEXT,
            },
            "required": ["role", "content"],
        },
        triggerResponseEnabled=_FLAG,
    ),
    "control": _shape(("control",), control={"type": "string", "enum": list(_CONTROLS)}),
    "transfer": _shape(("destination",), destination={"type": "object"}, content=_TEXT),
    "handoff": _shape(("destination",), destination={"type": "object"}),
    "assistant-overrides": _shape(
        ("assistantOverrides",), assistantOverrides=reference("AssistantOverrides")
    ),
    "append-context": _shape(
        ("kind", "content"),
        kind={"type": "string", "enum": ["commentary", "thinking", "instructions"]},
        content=_TEXT,
    ),
    "send-transport-message": _shape(
        ("message",),
        message={
            "type": "object",
            "properties": {
                "transport": {"type": "string", "enum": ["vapi.sip"]},
                "sipVerb": {"type": "string", "enum": ["INFO", "MESSAGE", "NOTIFY"]},
                "headers": {"type": "object"},
                "body": _TEXT,
            },
            "required": ["transport", "sipVerb"],
            "additionalProperties": False,
        },
    ),
    "hold": _shape(),  # these two are ours
    "resume": _shape(),
    "end-call": _shape(),
}
# What is appended is the owner's, and nobody has said it: to a model, a system message.
_CONTEXT = {
    "commentary": "Commentary: {}",
    "thinking": "A thought of yours: {}",
    "instructions": "{}",
}


def read(message: Json) -> Json:
    """The message, if it is one. Raises BadRequest."""
    shape = _SHAPES.get(str(message.get("type")))
    if shape is None:
        raise BadRequest([f"type must be one of the following values: {', '.join(_SHAPES)}"])
    given = {name: value for name, value in checked(shape, message).items() if value is not None}
    if given["type"] == "say" and not (given.get("content") or given.get("message")):
        raise BadRequest(["content should not be empty"])
    return given


class Control:
    """``end-call`` is not its business: also a call that only waits can be ended."""

    def __init__(self, successors: Successors) -> None:
        self._successors = successors

    async def act(self, call: Steering, message: Json) -> None:
        """Begin what a message that was ``read`` wishes. Raises BadRequest, Unusable."""
        if message["type"] in ("hold", "resume", "send-transport-message"):
            self._of_the_line(call, message)  # also of two who talk without an agent
            return
        brief = call.brief
        if brief is None:
            raise BadRequest(f"Call {call.record.id} has no assistant at the moment")
        call_id = call.record.id
        match message["type"]:
            case "say":
                say = Say(
                    call=call_id,
                    text=message.get("content") or message["message"],
                    then_end=message.get("endCallAfterSpoken", False),
                    interrupt=message.get("interruptAssistantEnabled", False),
                    firm=not message.get("interruptionsEnabled", False),
                )
                call.tell(say)
            case "add-message":
                said = {name: message["message"][name] for name in ("role", "content")}
                answer = message.get("triggerResponseEnabled", True)
                call.tell(Add(call=call_id, messages=(said,), answer=answer))
            case "append-context":
                content = _CONTEXT[message["kind"]].format(message["content"])
                told = {"role": "system", "content": content}
                call.tell(Add(call=call_id, messages=(told,)))
            case "control":
                self._switch(call, message["control"], brief.greeting)
            case "transfer":
                await self._transfer(call, message, brief.language)
            case "handoff":
                await self._hand_over(call, message["destination"])
            case "assistant-overrides":
                overrides = message["assistantOverrides"]
                try:
                    same = await self._successors.altered(call.record, call.papers, overrides)
                except CallRefused as error:
                    raise BadRequest(f"assistantOverrides: {error}") from None
                call.hand_over(same)
        call.noted("control", type=message.get("control") or message["type"])

    @staticmethod
    def _of_the_line(call: Steering, message: Json) -> None:
        match message["type"]:
            case "hold":
                if not call.hold():
                    raise BadRequest(f"Call {call.record.id} cannot be put on hold now")
            case "resume":
                if not call.resume():
                    raise BadRequest(f"Call {call.record.id} is not on hold")
            case _:
                wanted = message["message"]
                headers = wanted.get("headers") or {}
                try:
                    call.request(wanted["sipVerb"], headers, wanted.get("body") or "")
                except ValueError as error:
                    raise BadRequest(f"message: {error}") from None
        call.noted("control", type=message["type"])

    @staticmethod
    def _switch(call: Steering, control: str, greeting: str) -> None:
        match control:
            case "mute-assistant" | "unmute-assistant":
                call.mute_agent(control == "mute-assistant")
            case "mute-customer" | "unmute-customer":
                call.mute_peer(control == "mute-customer")
            case _ if not greeting:
                raise BadRequest("The assistant has no firstMessage")
            case _:
                call.tell(Say(call=call.record.id, text=greeting))

    async def _transfer(self, call: Steering, message: Json, language: str) -> None:
        given, content = message["destination"], message.get("content")
        if given.get("type") == "assistant":
            if content:
                call.tell(Say(call=call.record.id, text=content))
            await self._hand_over(call, given)
            return
        spoken = {"message": content} if content else {}
        call.transfer(destination(given | spoken, language))

    async def _hand_over(self, call: Steering, way: Json) -> None:
        try:
            successor = await self._successors.of(call.record, call.papers, way)
        except CallRefused as error:
            raise BadRequest(f"destination: {error}") from None
        call.hand_over(successor)
