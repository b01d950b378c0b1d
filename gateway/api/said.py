"""Texts that may be written in several languages."""

from typing import Any

from gateway.agent.phrases import base


def text_of(message: Any, language: str) -> str:
    """Of a text, or of a message with ``contents``: in the call's language, else in English, else
    in the first that there is; they go before ``content``, as documented."""
    if not isinstance(message, dict):
        return str(message or "")
    contents = [c for c in message.get("contents") or () if c.get("text")]
    for wanted in (language, "en"):
        for same in (str.lower, base):
            for one in contents:
                if same(one.get("language") or "") == same(wanted):
                    return str(one["text"])
    return str(contents[0]["text"]) if contents else str(message.get("content") or "")
