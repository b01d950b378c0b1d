"""What a model is told of the kinds of tool that workers and servers do, where their owner does not
say it."""

import re
from collections.abc import Callable
from typing import Any

from gateway.api.tools import api_request

Json = dict[str, Any]


def described(tool: Json) -> Json | None:
    """Description and parameters of a tool of this kind; None: it is not one of these."""
    kind = KINDS.get(tool["type"])
    return kind(tool) if callable(kind) else kind


def model_name(name: str) -> str:
    """As models' vendors allow it: letters, digits, hyphen and underscore, 64 at most."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]


KINDS: dict[str, Json | Callable[[Json], Json]] = {
    "function": {},
    "apiRequest": api_request.described,
    "mcp": {},
}
