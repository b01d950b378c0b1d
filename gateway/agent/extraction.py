"""Facts out of a conversation, in the form of a JSON schema, by the call's own model."""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from gateway.agent.streams import faithful
from gateway.errors import VendorError
from gateway.speech.contract import Called, Message, Said, Thinking, Tool

log = logging.getLogger(__name__)

LIMIT_S = 8.0
ASKED = (
    "Take the facts that were asked for out of the conversation above, and nothing that was not "
    "said. Answer with one JSON object by this JSON schema, and nothing else:\n"
)


async def facts(
    thinking: Thinking, messages: Sequence[Message], schema: dict[str, Any]
) -> dict[str, Any]:
    """Empty if the model gives nothing that fits, or fails, or is too slow."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await extract(thinking, messages, schema)
    except (VendorError, TimeoutError) as error:
        log.warning("nothing was taken out of the conversation: %s", error or "time-out")
        return {}


async def extract(
    thinking: Thinking, messages: Sequence[Message], schema: dict[str, Any]
) -> dict[str, Any]:
    """Empty if the model gives nothing that fits. Raises VendorError."""
    tool = Tool("note_facts", "Note the facts that were asked for.", schema)
    asked = [*messages, Message("system", ASKED + json.dumps(schema))]
    text, noted = "", ""
    reply = faithful(thinking.vendor, thinking.reply(asked, [tool]))
    async with aclosing(reply) as deltas:
        async for delta in deltas:
            match delta:
                case Said():
                    text += delta.text
                case Called(name=tool.name):
                    noted = delta.arguments
    return _object(noted) or _object(text[text.find("{") : text.rfind("}") + 1])


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
