"""What a call's agent says, as the documented messages to whoever follows the call. No IO.

The same go to a server (``serverMessages``) and to those who listen in (``clientMessages``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.agent.messages import Became, FromAgent, Happened, Live, Spoken
from gateway.api import artifact
from gateway.api.server_messages import without_secrets
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord

Json = dict[str, Any]

FINAL = 'transcript[transcriptType="final"]'


@dataclass(frozen=True)
class LiveMessage:
    """``names``: what of these somebody asked for brings this message."""

    names: frozenset[str]
    message: Json

    @classmethod
    def of(cls, type_: str, **fields: Any) -> "LiveMessage":
        return cls(frozenset({type_}), {"type": type_, **fields})


def started(papers: Papers) -> LiveMessage:
    """The agent has the line."""
    assistant = without_secrets(papers.get("assistant") or {})
    return LiveMessage.of("assistant.started", newAssistant=assistant)


def written(record: CallRecord, papers: Papers, message: FromAgent) -> Iterator[LiveMessage]:
    """The messages that this brings, in order. ``record`` knows of it already."""
    match message:
        case Spoken(role="user" | "assistant"):
            yield _transcript(message.role, message.text, "final", message.extra)
            yield _conversation(record, papers)
        case Spoken():
            yield _conversation(record, papers)
        case Became(error=""):
            to = record.activations[-1].name if record.activations else ""
            destination = {"type": "assistant", "assistantName": to}
            assistant = without_secrets(papers.get("assistant") or {})
            yield LiveMessage.of("transfer-update", destination=destination, toAssistant=assistant)
            yield started(papers)
        case Happened(what="barge_in"):
            yield LiveMessage.of("user-interrupted", **_some(message.facts, turnId="turn_id"))
        case Happened(what="transfer", facts={"destination": destination}):
            yield LiveMessage.of("transfer-update", destination=destination)
        case Happened(what="late"):
            yield LiveMessage.of("hang")
        case Happened(what="language_changed", facts={"language": language}):
            yield LiveMessage.of("language-change-detected", language=language)
        case Live():
            yield from _live(message)


def _live(message: Live) -> Iterator[LiveMessage]:
    facts = message.facts
    match message.what:
        case "partial":
            yield _transcript("user", facts["text"], "partial", facts)
        case "speech":
            said = _some(facts, status="status", role="role", turn="turn")
            yield LiveMessage.of("speech-update", **said)
        case "model":
            turn = f"{message.call}-{facts.get('turn', 0)}"
            yield LiveMessage.of("model-output", turnId=turn, output=facts["output"])
        case "voice":
            yield LiveMessage.of("voice-input", input=facts["text"])
            spoken = _some(facts, text="text", turn="turn", source="source")
            yield LiveMessage.of("assistant.speechStarted", **spoken)


def _transcript(role: str, text: str, kind: str, facts: Json) -> LiveMessage:
    names = {"transcript", FINAL} if kind == "final" else {"transcript"}
    message = {"type": "transcript", "role": role, "transcriptType": kind, "transcript": text}
    if "confidence" in facts:
        message |= {"confidence": facts["confidence"], "confidenceSource": "provider"}
    message |= artifact.filtered(facts, "originalTranscript")
    return LiveMessage(frozenset(names), message)


def _conversation(record: CallRecord, papers: Papers) -> LiveMessage:
    messages = artifact.messages(record, papers)
    return LiveMessage.of("conversation-update", conversation=messages[1], messages=messages[0],
                          messagesOpenAIFormatted=messages[1])  # fmt: skip


def _some(facts: Json, **names: str) -> Json:
    return {theirs: facts[ours] for theirs, ours in names.items() if ours in facts}
