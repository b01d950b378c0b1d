"""What of a long conversation a model is shown, and of a long result. Pure.

The instructions at the beginning stay, and so do the caller's last turn and all that followed it.
Between them the oldest goes first, a call always together with its results: chat models refuse
the one without the other. A note stands where something is missing.
"""

from collections.abc import Sequence

from gateway.speech.contract import Message


def fitted(messages: Sequence[Message], characters: int) -> list[Message]:
    """The messages, of at most ``characters`` in all (some four make a token)."""
    groups = _groups(messages)
    first = next((n for n, group in enumerate(groups) if group[0].role != "system"), len(groups))
    users = [n for n, group in enumerate(groups) if group[0].role == "user"]
    last = max(users[-1] if users else len(groups) - 1, first)
    sizes = [sum(map(_size, group)) for group in groups]
    size, kept = sum(sizes), first
    while size > characters and kept < last:
        size -= sizes[kept]
        kept += 1
    # What is left begins with the caller: an answer to nothing would puzzle the model.
    while first < kept < last and groups[kept][0].role != "user":
        kept += 1
    missing = sum(len(group) for group in groups[first:kept])
    note = [Message("system", f"[{missing} earlier messages are left out here.]")] * bool(missing)
    begin, rest = groups[:first], groups[kept:]
    return [*(m for group in begin for m in group), *note, *(m for group in rest for m in group)]


def _groups(messages: Sequence[Message]) -> list[list[Message]]:
    groups: list[list[Message]] = []
    for message in messages:
        if message.role == "tool" and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def _size(message: Message) -> int:
    return len(message.content) + sum(len(call.arguments) for call in message.tool_calls)


def shortened(result: str, characters: int) -> str:
    """A tool's result, cut with a note that says so if it is longer."""
    if len(result) <= characters:
        return result
    return f"{result[:characters]}\n[Cut here: {characters} of {len(result)} characters are shown.]"
