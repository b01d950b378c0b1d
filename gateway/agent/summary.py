"""The conversation so far, summed up by the call's own model."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from gateway.agent.messages import Start
from gateway.agent.streams import faithful, harmless
from gateway.agent.vendors import Vendors
from gateway.errors import VendorError
from gateway.speech.contract import Message, Said

log = logging.getLogger(__name__)

USUAL = (
    "You are an expert note-taker. You will be given a transcript of a call. Summarize the call in "
    "2-3 sentences, if applicable."
)


async def of(
    start: Start,
    vendors: Vendors,
    conversation: Sequence[Message],
    instructions: Sequence[Mapping[str, str]],
) -> str:
    """Empty if the model cannot, or answers from a script. ``{{transcript}}`` in an instruction
    is what was said."""
    choice = start.brief.thinking
    if choice.vendor == "script":
        return ""
    said = "\n".join(
        f"{'AI' if m.role == 'assistant' else 'User'}: {m.content}"
        for m in conversation
        if m.role in ("user", "assistant") and m.content
    )
    transcript = f"Here is the transcript:\n\n{said}"
    usual = [{"role": "system", "content": USUAL}, {"role": "user", "content": transcript}]
    messages = [
        Message.of(m, m["content"].replace("{{transcript}}", said)) for m in instructions or usual
    ]
    try:
        thinking = vendors.thinking(start, choice)
    except VendorError as error:
        log.warning("there is no summary: %s", error)
        return ""
    try:
        await thinking.open()
        async with aclosing(faithful(thinking.vendor, thinking.reply(messages, ()))) as deltas:
            return "".join([d.text async for d in deltas if isinstance(d, Said)]).strip()
    except VendorError as error:
        log.warning("there is no summary: %s", error)
        return ""
    finally:
        await harmless(f"closing {thinking.vendor}", thinking.close())
