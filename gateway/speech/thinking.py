"""Models' vendors by the names that an assistant gives them; an SDK is imported at first use."""

from gateway.speech.choosing import Options, read, unknown
from gateway.speech.contract import Thinking
from gateway.speech.settings import VendorSettings

# A row of gateway.speech.vendors.openai.COMPATIBLE each, and the script.
VENDORS = (
    "anthropic", "cerebras", "custom-llm", "deep-seek", "deepinfra", "google", "groq", "minimax",
    "openai", "openrouter", "perplexity-ai", "script", "together-ai", "xai",
)  # fmt: skip


def thinking(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Thinking:
    """A call's language model. ConfigError names an unknown vendor or a wrong option."""
    if vendor not in VENDORS:
        raise unknown("thinking", vendor, VENDORS)
    if vendor == "script":
        from gateway.speech.vendors import script

        chosen = read(script.ScriptOptions, options, vendor)
        return script.ScriptThinking(chosen.script, {"callId": call_id} | chosen.variables)
    from gateway.speech.vendors import openai

    chat = read(openai.ChatOptions, options, vendor)
    return openai.OpenAIThinking(vendor, model, chat, settings, call_id)
