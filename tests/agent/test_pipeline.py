"""One call from greeting to hang-up, with vendors of clay and a clock turned by hand."""

from tests.agent.stage import Stage, say


async def test_a_call_from_the_greeting_to_the_second_answer() -> None:
    async with Stage(greeting="Hello, this is {{ who }}.") as stage:
        assert stage.state == "greeting"
        await stage.until("listening")
        assert stage.transcript() == ["Hello, this is Kim."]
        stage.clay.replies = [say("It is noon. Can I do more?"), say("Goodbye then.")]
        await stage.turn("What time is it?")
        await stage.until("speaking")
        await stage.until("listening")
        await stage.turn("No.")
        await stage.until("speaking")
        await stage.until("listening")
        assert stage.conversation == [
            ("system", "You are Kim."),
            ("assistant", "Hello, this is Kim."),
            ("user", "What time is it?"),
            ("assistant", "It is noon. Can I do more?"),
            ("user", "No."),
            ("assistant", "Goodbye then."),
        ]
        assert stage.transcript() == [content for _, content in stage.conversation[1:]]
