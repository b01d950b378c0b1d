"""The assistants that hold the benches' calls, in the API's JSON."""

from typing import Any

QUESTION = "What time is it?"
LONG = " ".join(
    f"This is sentence number {n} of a long story that nobody has ever wanted to hear to its end."
    for n in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
)
WAIT_S = 0.4


def embedded(say: str, greeting: str = "Hello.", **more: Any) -> dict[str, Any]:
    """No key, no network: answers ``say`` to QUESTION, and to everything else."""
    rule = {"phrases": [QUESTION.strip("?").lower()], "say": say}
    script = {"start": "only", "states": {"only": {"rules": [rule], "unsure": [say]}}}
    return {
        "name": "bench embedded",
        "firstMessage": greeting,
        "model": {"provider": "script", "script": script},
        "transcriber": {"provider": "embedded"},
        "voice": {"provider": "embedded", "voiceId": "en-us"},
        "startSpeakingPlan": {"waitSeconds": WAIT_S},
        **more,
    }


def cloud(greeting: str = "Hello.", **more: Any) -> dict[str, Any]:
    """OpenAI and Deepgram, or what answers at their base_url."""
    return {
        "name": "bench cloud",
        "firstMessage": greeting,
        "model": {"provider": "openai", "model": "gpt-4o-mini"},
        "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "en"},
        "voice": {"provider": "openai", "voiceId": "alloy", "model": "gpt-4o-mini-tts"},
        "startSpeakingPlan": {"waitSeconds": WAIT_S},
        **more,
    }
