"""What the agent says by itself is in the caller's language."""

import pytest

from gateway.agent.phrases import phrases
from tests.agent.stage import AUTH, Stage


@pytest.mark.parametrize(
    ("tag", "same"),
    [("de-AT", "de"), ("pt_BR", "pt"), ("ZH-hans", "zh"), ("tlh", "en"), ("", "en")],
)
def test_a_tag_has_the_phrases_of_its_language(tag: str, same: str) -> None:
    assert phrases(tag) is phrases(same)


async def test_an_apology_is_in_the_callers_language() -> None:
    async with Stage(language="de-DE") as stage:
        await stage.until("listening")
        stage.clay.replies = [[AUTH]]
        await stage.turn("Wie spät ist es?")
        await stage.until("ended")
        assert stage.transcript("assistant") == [phrases("de").goodbye]
