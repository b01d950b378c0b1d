"""The bodies of server messages, and the reading of their answers. No IO."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.api import costs
from gateway.api.artifact import of as artifact_of
from gateway.api.call_view import CallView, compliance
from gateway.api.destinations import destination
from gateway.api.resources import instant
from gateway.api.unusable import Unusable
from gateway.calls.destination import Destination
from gateway.calls.ports import Papers, ToolReply
from gateway.calls.record import CallRecord, Status

log = logging.getLogger(__name__)

Json = dict[str, Any]

# A message may go to another server than the one that a secret is for.
SECRETS = frozenset(
    {
        "secret", "serverUrlSecret", "headers", "credentials", "authentication", "twilioAuthToken",
        "twilioApiKey", "twilioApiSecret",
    }
)  # fmt: skip


def without_secrets(value: Any) -> Any:
    """A copy without what only its owner may know. A function's own parameters stay as they are,
    whatever they are called."""
    if isinstance(value, dict):
        return {
            name: part if name == "function" else without_secrets(part)
            for name, part in value.items()
            if name not in SECRETS
        }
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return value


class Messages:
    """Makes messages; ``view`` shows the calls in them."""

    def __init__(self, view: CallView) -> None:
        self._view = view

    def status_update(self, record: CallRecord, papers: Papers) -> Json:
        message = {"type": "status-update", "status": str(record.status)}
        if record.status is Status.ENDED:
            message["endedReason"] = record.ended_reason or "unknown-error"
        return self._envelope(message, record, papers)

    def end_of_call_report(self, record: CallRecord, papers: Papers) -> Json:
        """The documented report, with the flat copies that older handlers read."""
        artifact = artifact_of(record, papers, self._view.link_url)
        seconds = 0.0
        if record.answered_at and record.ended_at:
            seconds = round((record.ended_at - record.answered_at).total_seconds(), 3)
        message = {
            "type": "end-of-call-report",
            "endedReason": record.ended_reason or "unknown-error",
            "startedAt": instant(record.answered_at),
            "endedAt": instant(record.ended_at),
            **costs.of(record),
            "analysis": record.analysis,
            "durationSeconds": seconds,
            "durationMs": round(seconds * 1000),
            "summary": record.analysis.get("summary", ""),
            "transcript": artifact["transcript"],
            "messages": artifact["messages"],
            "recordingUrl": artifact.get("recordingUrl"),
            "stereoRecordingUrl": artifact.get("stereoRecordingUrl"),
        }
        if made := compliance(record):
            message["compliance"] = made
        return self._envelope(message, record, papers)

    def live(self, message: Json, record: CallRecord, papers: Papers) -> Json:
        """One of ``gateway.api.live_messages``."""
        return self._envelope(message, record, papers)

    def tool_calls(
        self,
        record: CallRecord,
        papers: Papers,
        tool: ToolBrief,
        arguments: Json,
        tool_call_id: str,
    ) -> Json:
        """Nested as the schema has it and flat as the examples have it."""
        written = tool.written or {"type": tool.kind}
        call = {
            "id": tool_call_id,
            "type": "function",
            "function": {"name": tool.name, "arguments": arguments},
            "name": tool.name,
            "arguments": arguments,
        }
        message = {
            "type": "tool-calls",
            "toolCallList": [call],
            "toolCalls": [call],
            "toolWithToolCallList": [
                {**without_secrets(written), "name": tool.name, "toolCall": call}
            ],
        }
        return self._envelope(message, record, papers)

    def assistant_request(self, record: CallRecord, papers: Papers) -> Json:
        """Who is to answer this caller?"""
        return self._envelope({"type": "assistant-request"}, record, papers)

    def transfer_destination_request(
        self, record: CallRecord, papers: Papers, arguments: Json
    ) -> Json:
        """Where is the caller to be transferred to? ``arguments`` are the model's own."""
        message = {"type": "transfer-destination-request", "arguments": arguments}
        return self._envelope(message, record, papers)

    def handoff_destination_request(
        self, record: CallRecord, papers: Papers, parameters: Json
    ) -> Json:
        """To whom is this call to be handed over?"""
        message = {"type": "handoff-destination-request", "parameters": parameters}
        return self._envelope(message, record, papers)

    def endpointing_request(
        self, record: CallRecord, papers: Papers, conversation: Sequence[Mapping[str, Any]]
    ) -> Json:
        """What has been said, with what the caller is saying: is it their last word?"""
        return self._about("call.endpointing.request", record, papers, conversation)

    def knowledge_base_request(
        self, record: CallRecord, papers: Papers, conversation: Sequence[Mapping[str, Any]]
    ) -> Json:
        """What has been said: what is known about it?"""
        return self._about("knowledge-base-request", record, papers, conversation)

    def _about(
        self,
        type_: str,
        record: CallRecord,
        papers: Papers,
        conversation: Sequence[Mapping[str, Any]],
    ) -> Json:
        roles = {"assistant": "bot"}
        message = {
            "type": type_,
            "messages": [
                {"role": roles.get(m["role"], m["role"]), "message": m["content"]}
                for m in conversation
                if m["content"]
            ],
            "messagesOpenAIFormatted": [
                {"role": m["role"], "content": m["content"]} for m in conversation if m["content"]
            ],
        }
        return self._envelope(message, record, papers)

    def _envelope(self, message: Json, record: CallRecord, papers: Papers) -> Json:
        call = self._view.show(record, papers)
        for part in ("assistant", "assistantOverrides", "customer"):
            if part in call:
                call[part] = without_secrets(call[part])
        common = {
            "timestamp": round(time.time() * 1000),
            "call": call,
            "assistant": without_secrets(papers.get("assistant")),
            "customer": call.get("customer"),
            "phoneNumber": without_secrets(papers.get("phoneNumber")),
            "artifact": call["artifact"],
        }
        whole = common | message
        return {"message": {name: value for name, value in whole.items() if value is not None}}


def read_destination(body: bytes, language: str) -> Destination | str:
    """The documented answer: ``destination``, and ``message`` to be said before; or ``error``."""
    try:
        answer = json.loads(body)
        if error := answer.get("error"):
            return str(error)
        given, message = answer["destination"], answer.get("message")
        if message is not None:
            given = {**given, "message": message}
        return destination(given, language)
    except Unusable as error:
        return f"The server's destination cannot be used: {error}."
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("an answer to transfer-destination-request is of no use: %r", error)
        return "The server named no destination."


def read_advice(body: bytes) -> float | None:
    """``{"timeoutSeconds": 0.7}``, as a number of seconds that makes sense."""
    try:
        answer = json.loads(body)
        wait_s = float(answer["timeoutSeconds"])
    except (ValueError, TypeError, KeyError, RecursionError):
        log.warning("an answer to call.endpointing.request has no timeoutSeconds")
        return None
    return min(wait_s, 15.0) if wait_s >= 0 else None


def read_tool_answer(body: bytes, tool_call_id: str, name: str) -> ToolReply:
    """What a tool's server answered, in any of the documented forms, old and new."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return failed(name, "its server's answer is not JSON")
    if not isinstance(answer, dict):
        return failed(name, "its server's answer is not a JSON object")
    results = answer.get("results")
    if isinstance(results, list):
        named = [r for r in results if isinstance(r, dict)]
        ours = [r for r in named if r.get("toolCallId") == tool_call_id]
        # An answer to one call that forgot which one it was can mean only this one.
        ours = ours or [r for r in named if len(named) == 1 and not r.get("toolCallId")]
        if ours:
            return _read_result(ours[-1], name)
        return failed(name, f"its server's answer has no result with toolCallId {tool_call_id}")
    if "result" in answer or "error" in answer:
        return _read_result(answer, name)
    return failed(name, "its server's answer has neither results nor error")


def _read_result(result: Json, name: str) -> ToolReply:
    message = result.get("message")
    message = message if isinstance(message, dict) else {}
    says = message.get("role", "assistant") == "assistant"
    spoken = message.get("content") if says else None
    ends = bool(message.get("endCallAfterSpokenEnabled"))
    if result.get("error") is not None:
        return ToolReply(False, f"Error: {_text(result['error'])}", spoken, ends)
    if "result" not in result:
        return failed(name, "its server gave neither result nor error")
    return ToolReply(True, _text(result["result"]), spoken, ends)


def failed(name: str, why: str) -> ToolReply:
    """What the model is told when there is nothing else to tell."""
    return ToolReply(False, f"The tool {name} failed: {why}.")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
