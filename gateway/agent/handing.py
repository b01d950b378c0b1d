"""What one agent hands to the next on the same call: the conversation, cut as a plan says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from gateway.agent.messages import Start
from gateway.agent.plain import Plain

Json = dict[str, Any]


class Context(Plain):
    """``spoken``: what caller and agents said, without tools. ``own``: since the agent that hands
    over began. ``rolling``: all, and the new instructions come last, after the old ones."""

    kind: Literal["all", "last", "spoken", "own", "none", "rolling"] = "all"
    count: int = 0  # of ``last``


def passed_on(
    conversation: Sequence[Mapping[str, Any]], context: Context, since: int, result: str
) -> tuple[Json, ...]:
    """The messages that the next agent knows of. ``since`` is where the present one began;
    ``result`` is what becomes of a tool that has none yet: the one that hands over."""
    whole = [dict(message) for message in _answered(conversation, result)]
    said = [message for message in whole if message["role"] != "system"]
    match context.kind:
        case "none":
            return ()
        case "rolling":
            return tuple(whole)
        case "last":
            return tuple(_sound(said[-context.count :] if context.count else []))
        case "own":
            own = _answered(conversation[since:], result)
            return tuple(dict(message) for message in own if message["role"] != "system")
        case "spoken":
            return tuple(
                {"role": m["role"], "content": m["content"]}
                for m in said
                if m["role"] in ("user", "assistant") and m.get("content")
            )
    return tuple(said)


def opening(start: Start, fill: Callable[[str], str]) -> list[Json]:
    """With what an agent begins: its instructions, and what it was handed."""
    told = [{**entry, "content": fill(entry["content"])} for entry in start.brief.system]
    history = list(start.history)
    return [*history, *told] if start.rolling else [*told, *history]


def _answered(
    conversation: Iterable[Mapping[str, Any]], result: str
) -> Iterable[Mapping[str, Any]]:
    """Chat models refuse a tool call without a result."""
    messages = list(conversation)
    answered = {m.get("tool_call_id") for m in messages if m["role"] == "tool"}
    for message in messages:
        yield message
        for called in message.get("tool_calls") or ():
            if called["id"] not in answered:
                yield {"role": "tool", "content": result, "tool_call_id": called["id"]}


def _sound(messages: list[Json]) -> list[Json]:
    """Without results whose call has been cut off."""
    called = {one["id"] for m in messages for one in m.get("tool_calls") or ()}
    return [m for m in messages if m["role"] != "tool" or m.get("tool_call_id") in called]
