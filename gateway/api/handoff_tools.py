"""``handoff`` tools, and the other assistants of a squad: what a model is told about them."""

from typing import Any

from gateway.agent.brief import ToolBrief, ToolMessage
from gateway.api.tools.kinds import model_name

Json = dict[str, Any]

LIMIT_S = 60.0  # the last words, facts to be extracted, and the next assistant's vendors
TRANSFERRING = "Transferring."  # documented: what a transfer to an assistant says by itself


def handoff_briefs(
    tool: Json, messages: tuple[ToolMessage, ...], language: str
) -> tuple[ToolBrief, ...]:
    """A tool for each destination, ``handoff_to_<name>``; or one for all, where the owner has
    named it, that has the name as an argument, or none to choose from: their server says."""
    ways = tool.get("destinations") or []
    function = {k: v for k, v in (tool.get("function") or {}).items() if v is not None}
    if len(ways) <= 1 or function.get("name"):
        return (_brief(tool, function, ways, messages, language),)
    return tuple(
        _brief(tool | {"destinations": [way]}, function, [way], messages, language) for way in ways
    )


def name_of(way: Json) -> str:
    """What a destination is called."""
    inline = way.get("assistant") or way.get("squad") or {}
    named = way.get("assistantName") or way.get("entryAssistantName") or inline.get("name")
    return str(named or way.get("name") or way.get("assistantId") or way.get("squadId") or "")


def _brief(
    tool: Json, function: Json, ways: list[Json], messages: tuple[ToolMessage, ...], language: str
) -> ToolBrief:
    fixed = [way for way in ways if way.get("type") != "dynamic"]
    name = function.get("name") or _usual_name(fixed)
    described = function.get("description") or "\n".join(filter(None, map(_described, ways)))
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    if len(ways) > 1:
        where = {
            "type": "string",
            "enum": [name_of(way) for way in ways],
            "description": "Who is to take over.",
        }
        parameters = parameters | {
            "properties": {**(parameters.get("properties") or {}), "destination": where},
            "required": [*(parameters.get("required") or ()), "destination"],
        }
    if not messages and fixed and "transferMode" in fixed[0] | _transfer(fixed[0]):
        said = fixed[0].get("message", TRANSFERRING)
        text = said if isinstance(said, str) else _in(said, language)
        messages = (ToolMessage(at="start", content=text, blocking=True),) if text else ()
    return ToolBrief(
        kind="handoff",
        name=model_name(name),
        description=described or "Hand the caller over to another assistant.",
        parameters=parameters,
        messages=messages,
        timeout_s=LIMIT_S,
        written=tool | {"type": "handoff"},
    )


def _transfer(way: Json) -> Json:
    """A squad's older kind of destination has a name, and neither id nor assistant."""
    handoff = ("contextEngineeringPlan", "variableExtractionPlan", "assistantId", "assistant",
               "assistantOverrides", "squadId", "squad")  # fmt: skip
    older = way.get("message") is not None or way.get("transferMode") is not None
    return {"transferMode": ""} if older and not any(way.get(f) for f in handoff) else {}


def _usual_name(ways: list[Json]) -> str:
    return f"handoff_to_{name_of(ways[0])}" if len(ways) == 1 else "handoff"


def _described(way: Json) -> str:
    return f"{name_of(way)}: {way['description']}" if way.get("description") else ""


def _in(message: Json, language: str) -> str:
    contents = [c for c in message.get("contents") or () if c.get("text")]
    same = [c for c in contents if str(c.get("language") or "").lower() == language.lower()]
    return str((same or contents or [{"text": message.get("content") or ""}])[0]["text"])
