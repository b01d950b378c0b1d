"""What main and its agent processes say to each other, on the wire."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.agent.framing import LIMIT, Unframe, frame
from gateway.agent.messages import (
    FROM_PROCESS,
    TO_PROCESS,
    ActionResult,
    Checkpoint,
    Digit,
    Progress,
    Unsaid,
)


@settings(deadline=None)
@given(st.lists(st.text(), max_size=5), st.integers(1, 50))
def test_messages_survive_however_the_bytes_are_cut(texts: list[str], size: int) -> None:
    sent = [ActionResult(call="c", action="a", ok=True, content=text) for text in texts]
    wire = b"".join(map(frame, sent))
    unframe = Unframe()
    got = [
        TO_PROCESS.validate_json(body)
        for start in range(0, len(wire), size)
        for body in unframe.feed(wire[start : start + size])
    ]
    assert got == sent


def test_a_checkpoint_comes_back_as_it_was() -> None:
    message = Progress(
        call="c",
        checkpoint=Checkpoint(
            conversation=({"role": "user", "content": "hi"},),
            greeted=True,
            started_at=1.5,
            turns=2,
            saying=(Unsaid(text="Hello.", start=7, entry=0, whole=False),),
            conclude="assistant-ended-call",
        ),
    )
    (body,) = Unframe().feed(frame(message))
    assert FROM_PROCESS.validate_json(body) == message


def test_a_message_beyond_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="a message of"):
        Unframe().feed((LIMIT + 1).to_bytes(4, "big"))


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValidationError):
        TO_PROCESS.validate_json(b'{"type": "dance", "call": "c"}')
    with pytest.raises(ValidationError):
        TO_PROCESS.validate_json(frame(Digit(call="c", digit="1"))[4:-1] + b', "more": 1}')
