"""The API's providers and their fields, in the words of our vendors.

A provider that no table names can be stored and read back, but a call with it is refused. A field
that a table does not name has no meaning here yet, and is kept for whoever reads it back.
"""

from collections.abc import Callable
from typing import Any

from gateway.agent.brief import Choice

# What a field is called by the vendor, or what options it becomes.
Fields = dict[str, str | Callable[[Any], dict[str, Any]]]

# The hosted service's own choice of vendor: here, the operator's.
HOSTED = "vapi"


def choice(table: dict[str, Fields], part: dict[str, Any]) -> Choice | None:
    """The vendor that ``part`` of an assistant names, with its options; None if it is not here."""
    fields = table.get(part["provider"])
    if fields is None:
        return None
    options: dict[str, Any] = {}
    for name, ours in fields.items():
        value = part.get(name)
        if value is not None:
            options |= {ours: value} if isinstance(ours, str) else ours(value)
    return Choice(vendor=part["provider"], model=part.get("model") or "", options=options)
