"""What ``trunkline doctor`` looks at: each check is a function that returns findings."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """``remedy`` says what to do about a warn or a fail."""

    level: Literal["ok", "warn", "fail"]
    about: str
    what: str
    remedy: str = ""
