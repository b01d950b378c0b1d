"""A piece of a reply as the voice is to say it: the plan's formatters and replacements."""

import re

from gateway.errors import ConfigError
from gateway.speech.spoken.formatters import ENGLISH, FORMATTERS, UNUSUAL
from gateway.speech.spoken.plan import FormatPlan, Replacement

_FLAGS = {"ignore-case": re.IGNORECASE, "multi-line": re.MULTILINE}


class Writing:
    """Raises ConfigError for a formatter or a regular expression that is none."""

    def __init__(self, plan: FormatPlan) -> None:
        wanted = plan.formatters
        if unknown := [name for name in wanted or () if name not in FORMATTERS]:
            raise ConfigError(f"formatters: there is no {unknown[0]}")
        names = [name for name in FORMATTERS if (wanted is None and name not in UNUSUAL)
                 or (wanted is not None and name in wanted)]  # fmt: skip
        if not plan.language.lower().startswith("en"):
            names = [name for name in names if name not in ENGLISH]
        self._formatters = [FORMATTERS[name] for name in names] if plan.enabled else []
        self._cutoff = plan.cutoff
        self._replacements = [(_compiled(one), one) for one in plan.replacements]

    def spoken(self, text: str) -> str:
        for formatter in self._formatters:
            text = formatter(text, self._cutoff)
        for pattern, one in self._replacements:
            text = pattern.sub(lambda _, value=one.value: value, text, count=0 if one.all else 1)
        return text


def spelled(text: str) -> str:
    """Letter by letter, for a voice that knows no tag for it."""
    return ", ".join(" ".join(word) for word in text.split())


def _compiled(one: Replacement) -> re.Pattern[str]:
    flags = 0
    for flag in one.flags:
        flags |= _FLAGS[flag]
    try:
        return re.compile(one.pattern, flags)
    except re.error as error:
        raise ConfigError(f"replacements: {one.pattern!r}: {error}") from None
