"""Telephone numbers: which are allowed, and how they are spelled on either side of a trunk."""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_PUNCTUATION = str.maketrans("", "", " ()-./")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(translate(text), re.IGNORECASE)


def plain(number: str) -> str:
    """A number as it is dialled: without the marks by which people group its digits."""
    bare = number.translate(_PUNCTUATION)
    return bare if bare.lstrip("+*#").rstrip("*#").isdigit() else number


def permits(patterns: Sequence[str], text: str) -> bool:
    """Whether any pattern matches and none that begins with ``!`` does.

    ``*`` is anything, ``?`` one character, ``[2-9]`` one of these: ``+49*``, ``!+4990*``.
    """
    if any(_pattern(p[1:]).match(text) for p in patterns if p.startswith("!")):
        return False
    return any(_pattern(p).match(text) for p in patterns if not p.startswith("!"))


class Rule(BaseModel):
    """One rewriting: for numbers that ``match``, either ``replace`` what matched (``\\1`` is the
    first group), or take ``strip`` from the front, a text or a count of characters, and put
    ``prefix`` there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str = Field("", description="a regular expression; empty: every number")
    replace: str | None = None
    strip: str | int = ""
    prefix: str = ""

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _one_way(self) -> "Rule":
        if self.replace is not None and (self.strip or self.prefix):
            raise ValueError("give either replace, or strip and prefix")
        if self.replace is not None:
            try:
                re.compile(self.match).sub(self.replace, "")
                re.compile(f"{self.match}|").sub(self.replace, "")
            except (re.error, IndexError) as error:
                raise ValueError(f"replace = {self.replace!r}: {error}") from None
        return self

    def applies(self, number: str) -> bool:
        if isinstance(self.strip, str) and not number.startswith(self.strip):
            return False
        return re.search(self.match, number) is not None

    def apply(self, number: str) -> str:
        if self.replace is not None:
            return re.sub(self.match, self.replace, number, count=1)
        return (
            self.prefix + number[self.strip if isinstance(self.strip, int) else len(self.strip) :]
        )


def rewrite(rules: Sequence[Rule], number: str) -> str:
    """The number by the first rule that applies; unchanged if none does."""
    for rule in rules:
        if rule.applies(number):
            return rule.apply(number)
    return number
