"""What a caller says, before a model reads it: the parts that look like an attack are taken out.

The patterns are of what such texts look like when they are spoken and written down by a
transcriber; they are a fence around a model's tools, not a proof.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.agent.plans import ScreenPlan

_INSTRUCTIONS = r"(instructions?|prompts?|rules?|messages?|directions?|guidelines?|training)"
_EARLIER = r"(previous|prior|above|earlier|preceding|initial|original|system)"

_PATTERNS: dict[str, tuple[str, ...]] = {
    "sql-injection": (
        r"\bunion\s+(all\s+)?select\b.*",
        r"\b(drop|truncate|alter)\s+(table|database|schema)\b(\s+\w+)?",
        r"\b(delete\s+from|insert\s+into)\s+\w+(\s+(where|values)\b.*)?",
        r"\bselect\s+(\*|[\w\s,]{1,80}?)\s+from\s+\w+\s+where\b.*",
        r"\bselect\s+\*\s+from\b(\s+\w+)?",
        r"['\"]?\s*\b(or|and)\s+['\"]?(\w+)['\"]?\s*=\s*['\"]?\2\b['\"]?",
        r"\bxp_cmdshell\b",
        r";\s*--",
    ),
    "xss": (
        r"<\s*script\b.*?(<\s*/\s*script\s*>|$)",
        r"<\s*(iframe|object|embed|svg|img)\b[^>]*>?",
        r"\bjavascript\s*:\s*\S*",
        r"\bon(error|load|click|focus|mouseover)\s*=\s*\S*",
    ),
    "ssrf": (
        r"\bhttps?://(localhost|127\.|0\.0\.0\.0|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])"
        r"\.|\[|metadata\.)\S*",
        r"\b(file|gopher|dict|ldap|tftp)://\S*",
        r"\b169\.254\.169\.254\b\S*",
    ),
    "rce": (
        r"\brm\s+-(rf?|fr)\b(\s+\S+)?",
        r"\b(eval|exec|system|popen|passthru|shell_exec)\s*\(.*?(\)|$)",
        r"\b(os\.system|subprocess\.\w+|__import__)\b(\s*\(.*?(\)|$))?",
        r"\$\(.*?\)",
        r"`[^`]+`",
        r"\b(curl|wget)\s+\S+\s*\|\s*(ba)?sh\b",
        r"[;&|]\s*(cat|ls|wget|curl|bash|sh|nc|python\d?|powershell)\s+([-/~.$]|https?:)\S*",
        r"/etc/(passwd|shadow)\b",
    ),
    "prompt-injection": (
        rf"\b(ignore|disregard|forget|override|bypass)\s+((all|any|every|everything|of|the|your|my|"
        rf"these|those|that)\s+)*{_EARLIER}\s+{_INSTRUCTIONS}",
        rf"\b(ignore|disregard|forget|override|bypass)\s+((all|any|of|the)\s+)*your\s+"
        rf"{_INSTRUCTIONS}",
        rf"\b(reveal|show|print|repeat|output|tell)\s+(me\s+)?((your|the)\s+)"
        rf"({_EARLIER}|hidden|secret)\s+{_INSTRUCTIONS}",
        r"\byou\s+are\s+now\s+(in\s+)?(dan|jailbroken|unrestricted|(a|the|in)?\s*\w+\s+mode)\b",
        r"\b(enable|enter|activate|switch\s+to)\s+(the\s+)?(developer|debug|admin|dan|god)\s+mode\b",
        r"\bpretend\s+(that\s+)?(you\s+have|there\s+are)\s+no\s+\w+",
        r"<\|?\s*/?(system|im_start|im_end|endoftext)\s*\|?>",
        r"\[/?(INST|SYSTEM|SYS)\]",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Screened:
    """``threats`` are the kinds that were found; none: ``text`` is as it was said."""

    text: str
    threats: tuple[str, ...] = ()


class Screen:
    """Raises re.error, for a pattern of the owner's."""

    def __init__(self, plan: ScreenPlan) -> None:
        self._plan = plan
        kinds = plan.kinds or ((*_PATTERNS,) if not plan.regexes else ())
        written = [(kind, pattern) for kind in kinds for pattern in _PATTERNS.get(kind, ())]
        written += [("regex", pattern) for pattern in plan.regexes]
        self._patterns = [
            (kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in written
        ]

    def of(self, text: str) -> Screened:
        """What the model may read of it; never empty if something was said."""
        found = [(kind, pattern) for kind, pattern in self._patterns if pattern.search(text)]
        if not found:
            return Screened(text)
        instead = self._plan.replacement
        threats = tuple(_once(kind for kind, _ in found))
        if self._plan.mode == "reject":
            return Screened(instead, threats)
        for _, pattern in found:
            text = pattern.sub(lambda _: instead if self._plan.mode == "replace" else " ", text)
        return Screened(" ".join(text.split()) or instead, threats)


def _once(kinds: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(kinds)
