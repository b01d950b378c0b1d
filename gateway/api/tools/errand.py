"""What those share who do the work of a tool."""

import json
from typing import Any

from gateway.calls.errand import Errand
from gateway.errors import GatewayError

Json = dict[str, Any]


class ToolFailed(GatewayError):
    """``str()`` goes on where "The tool x failed: " ends, and is for the model to read."""


class Unauthorised(ToolFailed):
    """The service does not take what it was shown: status 401."""


def added(errand: Errand) -> Json:
    """What the owner adds to the model's arguments, which the model does not see."""
    given = errand.written.get("parameters") or ()
    filled: Json = errand.filled({p["key"]: p["value"] for p in given if isinstance(p, dict)})
    return filled


def text_of(value: Any) -> str:
    """What the model is given to read."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
