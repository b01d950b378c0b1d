"""How an assistant wants its text to be read: the documented FormatPlan, as plain data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Replacement(BaseModel):
    """``pattern`` is a regular expression; an exact text comes escaped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str
    value: str
    flags: tuple[Literal["ignore-case", "multi-line"], ...] = ()
    all: bool = True


class FormatPlan(BaseModel):
    """``formatters`` None: the usual ones. ``cutoff``: numbers above it are read digit by digit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    formatters: tuple[str, ...] | None = None
    cutoff: int = 2025
    replacements: tuple[Replacement, ...] = ()
    language: str = "en"


class ChunkPlan(BaseModel):
    """How a reply is cut into pieces for the voice. None: at sentences, the first one sooner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    shortest: int | None = None  # characters of a piece at the least
    boundaries: tuple[str, ...] | None = None
