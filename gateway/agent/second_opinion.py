"""A model is asked whether the words so far are a person's or a machine's."""

import logging

from gateway.agent.messages import Start
from gateway.agent.streams import harmless
from gateway.agent.vendors import Vendors
from gateway.errors import VendorError
from gateway.speech.contract import Message, Said

log = logging.getLogger(__name__)

QUESTION = (
    "A telephone call that we placed was answered. Below is a transcript of what the other side "
    "has said so far; it may have errors. Answer with one word: MACHINE if it is an answering "
    "machine, a mailbox or a recorded announcement, HUMAN if a person is there, UNSURE if it "
    "cannot be told yet."
)


async def opinion(start: Start, vendors: Vendors, text: str) -> bool | None:
    """True: a machine; False: a person; None: nobody knows. Asks the call's own model, on a
    connection of its own. A failure is an answer of None: it is the operator's news."""
    try:
        thinking = vendors.thinking(start, start.brief.thinking)
    except VendorError as error:
        log.warning("no model says whether a machine has answered: %s", error)
        return None
    try:
        await thinking.open()
        messages = [Message("system", QUESTION), Message("user", text)]
        said = [d.text async for d in thinking.reply(messages, ()) if isinstance(d, Said)]
    except VendorError as error:
        log.warning("no model says whether a machine has answered: %s", error)
        return None
    finally:
        await harmless(f"closing {thinking.vendor}", thinking.close())
    answer = "".join(said).upper()
    if "MACHINE" in answer:
        return True
    return False if "HUMAN" in answer else None
