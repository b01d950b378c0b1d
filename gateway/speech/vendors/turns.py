"""A conversation as strictly alternating turns, for vendors that want it so.

They take system messages at the beginning only, want the user to begin, and refuse empty texts. A
greeting makes the agent begin, so the connected call stands before it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.speech.contract import Message

CONNECTED = "(The call is connected.)"
UNHEARD = "(The caller said something that was not understood.)"


@dataclass
class Turn:
    """What one side says in a row: messages of ours, none of them a system message."""

    role: Literal["user", "assistant"]
    messages: list[Message] = field(default_factory=list)


def split(messages: Sequence[Message]) -> tuple[str, list[Turn]]:
    """The instructions that stand first, and the turns."""
    first = 0
    while first < len(messages) and messages[first].role == "system":
        first += 1
    instructions = "\n\n".join(m.content for m in messages[:first] if m.content)
    turns: list[Turn] = []
    for message in _plain(messages[first:]):
        role: Literal["user", "assistant"] = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1].role != role:
            turns.append(Turn(role))
        turns[-1].messages.append(message)
    if not turns or turns[0].role == "assistant":
        turns.insert(0, Turn("user", [Message("user", CONNECTED)]))
    return instructions, turns


def _plain(messages: Sequence[Message]) -> Iterator[Message]:
    for message in messages:
        if message.role == "system":
            yield Message("user", f"<instructions>{message.content}</instructions>")
        elif message.role == "user" and not message.content.strip():
            yield Message("user", UNHEARD)
        elif message.content.strip() or message.tool_calls or message.role == "tool":
            yield message


def arguments_of(text: str) -> dict[str, Any]:
    """A call's arguments as an object; what the model wrote wrongly it was told already."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return {}
    return arguments if isinstance(arguments, dict) else {}
