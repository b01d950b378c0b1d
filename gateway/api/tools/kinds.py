"""What a model is told of the kinds of tool that workers and servers do, where their owner does not
say it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from gateway.api.tools import api_request, office, query

Json = dict[str, Any]


def described(tool: Json) -> Json | None:
    """Description and parameters of a tool of this kind; None: it is not one of these."""
    kind = KINDS.get(tool["type"])
    return kind(tool) if callable(kind) else kind


def model_name(name: str) -> str:
    """As models' vendors allow it: letters, digits, hyphen and underscore, 64 at most."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]


def _object(*, required: Sequence[str], **properties: tuple[str, str]) -> Json:
    """The schema of an object, of each property's type and description."""
    described_ = {
        name: {"type": kind, "description": about}
        | ({"items": {"type": "integer"}} if kind == "array" else {})
        for name, (kind, about) in properties.items()
    }
    whole = {"type": "object", "properties": described_}
    return whole | ({"required": list(required)} if required else {})


KINDS: dict[str, Json | Callable[[Json], Json]] = {
    "function": {},
    "apiRequest": api_request.described,
    "mcp": {},
    "query": query.described,
    **{kind: deed.described for kind, deed in office.DEEDS.items()},
    "code": {"description": "Run a function."},
    "bash": {
        "description": "Run a command in a bash shell that keeps its state.",
        "parameters": _object(
            required=(),
            command=("string", "The command; not needed when restarting."),
            restart=("boolean", "Start the shell anew."),
        ),
    },
    "textEditor": {
        "description": "View, create and change text files.",
        "parameters": _object(
            required=("command", "path"),
            command=("string", "view, create, str_replace, insert or undo_edit"),
            path=("string", "The absolute path of a file or a directory."),
            file_text=("string", "For create: the content."),
            old_str=("string", "For str_replace: what to replace; it must be there just once."),
            new_str=("string", "For str_replace and insert: the new text."),
            insert_line=("integer", "For insert: after which line."),
            view_range=("array", "For view: the first and the last line."),
        ),
    },
    "computer": {
        "description": "Use a screen, a keyboard and a mouse.",
        "parameters": _object(
            required=("action",),
            action=(
                "string",
                "key, type, mouse_move, left_click, left_click_drag, right_click, middle_click, "
                "double_click, screenshot or cursor_position",
            ),
            text=("string", "For key and type."),
            coordinate=("array", "For mouse_move and left_click_drag: x and y in pixels."),
        ),
    },
}
