"""Liquid templates with the call's variables. What is unknown stays as it was written."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid import Environment, RenderContext, Undefined
from liquid.exceptions import LiquidError
from liquid.filter import with_context

_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_DATE = "%b %-d, %Y"
_TIME = "%-I:%M %p"
_AT = " at"  # a variable that no template can name: the time that it knows


class _Unknown(Undefined):
    """A variable nobody gave: shown as its own ``{{ … }}``, so that the slip is seen."""

    def __str__(self) -> str:
        token = self.token
        if token is None or token.start_index < 0:
            return f"{{{{ {self.name} }}}}"
        for output in _OUTPUT.finditer(token.source):
            if output.start() <= token.start_index < output.end():
                return output[0]
        return f"{{{{ {self.name} }}}}"


@with_context
def _date(value: object, form: str = _DATE, zone: str = "UTC", *, context: RenderContext) -> str:
    """``{{ "now" | date: "%H:%M", "Europe/Berlin" }}``"""
    when = context.resolve(_AT)
    if str(value) not in ("now", "today", str(context.resolve("now"))):
        when = datetime.fromisoformat(str(value))
    return str(when.astimezone(ZoneInfo(zone)).strftime(form))


# One for all calls: Liquid's caches keep the last hundred that they have seen, with all they hold.
_LIQUID = Environment(undefined=_Unknown)
_LIQUID.add_filter("date", _date)


class Templates:
    """``at`` is when the call began, with a time zone; ``now``, ``date`` and ``time`` tell it."""

    def __init__(self, variables: Mapping[str, Any], at: datetime) -> None:
        utc = at.astimezone(UTC)
        self._variables = {
            "now": f"{utc.strftime(_DATE)} {utc.strftime(_TIME)}",
            "date": utc.strftime(_DATE),
            "time": utc.strftime(_TIME),
            "day": utc.strftime("%-d"),
            "month": utc.strftime("%B"),
            "year": utc.strftime("%Y"),
            **variables,
        }
        self._variables[_AT] = utc

    def know(self, variables: Mapping[str, Any]) -> None:
        """From now on, these too."""
        self._variables |= variables

    def fill(self, text: str) -> str:
        """The text with its variables; a template that is no Liquid comes back as it is."""
        if "{{" not in text and "{%" not in text:
            return text
        try:
            return _LIQUID.from_string(text).render(**self._variables)
        except (LiquidError, ValueError, ZoneInfoNotFoundError):
            return text
