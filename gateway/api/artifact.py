"""What a call leaves behind, as the API shows it: messages, transcript, links, latencies."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from gateway.agent.timings import PARTS
from gateway.api import presigned
from gateway.api.resources import instant
from gateway.archive.formats import PARTIES
from gateway.calls.destination import Attempted
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord, Event, Line, Status, Turn, Usage

Json = dict[str, Any]

# Which of our segments make up a documented latency. ``turnLatency`` is the whole turn.
LATENCIES: dict[str, frozenset[str]] = {
    "transcriberLatency": frozenset({"transcriber"}),
    "endpointingLatency": frozenset(
        {"endpointing", "end_of_speech_wait", "keypad_wait", "start_wait"}
    ),
    "modelLatency": frozenset({"model_first_token", "first_sentence"}),
    "voiceLatency": frozenset({"voice_first_audio"}),
}
_LATENCY = {segment: name for name, segments in LATENCIES.items() for segment in segments}

# One dump of many is several times as quick as many of one.
_EVENTS, _USAGE = TypeAdapter(list[Event]), TypeAdapter(list[Usage])


def of(record: CallRecord, papers: Papers, link_url: str) -> Json:
    """The documented Artifact; ``trunkline`` in it is ours: every segment of every turn, what
    happened when, and the packet counts."""
    assistant = papers.get("assistant") or record.assistant or {}
    told, chatted = messages(record, papers)
    made: Json = {
        "messages": told,
        "messagesOpenAIFormatted": chatted,
        "transcript": transcript(record.transcript, assistant),
        "variableValues": record.variables,
        "performanceMetrics": performance(record),
        "transfers": [_transfer(each) for each in record.transfers],
        "assistantActivations": _activations(record),
        "trunkline": _ours(record),
    }
    return made | record.outputs | _links(record, assistant, link_url)


def _activations(record: CallRecord) -> list[Json]:
    """Who held the call, in order; ``activatedAt`` is ours."""
    return [
        {"assistantName": one.name, "activatedAt": instant(one.at)}
        | ({"assistantId": one.assistant_id} if one.assistant_id else {})
        for one in record.activations
    ]


def messages(record: CallRecord, papers: Papers) -> tuple[list[Json], list[Json]]:
    """The conversation so far, as the API writes it and as OpenAI does."""
    assistant = papers.get("assistant") or record.assistant or {}
    lines = [*_instructions(record, assistant), *record.transcript]
    tools = {_id(line): str(line.extra.get("name", "")) for line in lines if "name" in line.extra}
    return [_message(line, tools) for line in lines], [_openai(line) for line in lines]


def transcript(lines: Iterable[Line], assistant: Json) -> str:
    """Plain text, a line for each thing said."""
    plan = (assistant.get("artifactPlan") or {}).get("transcriptPlan") or {}
    if plan.get("enabled") is False:
        return ""
    names = {
        "assistant": plan.get("assistantName") or "AI",
        "user": plan.get("userName") or "User",
    }
    return "".join(f"{names[line.role]}: {line.text}\n" for line in lines if line.role in names)


def performance(record: CallRecord) -> Json:
    """Milliseconds for each turn and on average."""
    turns = [_latencies(turn) for turn in record.turns]
    averages = {
        f"{name}Average": round(sum(turn[name] for turn in turns) / len(turns))
        for name in (*LATENCIES, "turnLatency")
        if turns
    }
    said = [line for line in record.transcript if line.role == "assistant"]
    return {
        "turnLatencies": turns,
        **averages,
        "numAssistantInterrupted": sum(line.interrupted for line in said),
    }


def _latencies(turn: Turn) -> Json:
    summed = dict.fromkeys(LATENCIES, 0.0)
    for segment, ms in turn.segments:
        if name := _LATENCY.get(segment):
            summed[name] += ms
    shown: Json = {name: round(ms) for name, ms in summed.items()}
    return shown | {"turnLatency": round(turn.total_ms)}


def _transfer(attempted: Attempted) -> Json:
    """The documented TransferArtifact, whose statuses know nothing of a refusal."""
    words = {"forwarded": "connected", "declined": "failed"}
    return {
        "destination": attempted.papers,
        "mode": (attempted.papers.get("transferPlan") or {}).get("mode") or "blind-transfer",
        "status": words.get(attempted.outcome, attempted.outcome),
        "trunkline": attempted.model_dump(mode="json", exclude={"papers"}),
    }


def _taken(record: CallRecord, number: int) -> Json:
    """A message that the caller left; its words are those of the transcript that belong to it."""
    taken = record.taken[number]
    words = (line.text for line in record.transcript if line.extra.get("message") == taken.action)
    return {
        "number": number + 1,
        "path": f"/call/{record.id}/voicemail/{number + 1}",
        "time": instant(taken.at),
        "seconds": taken.seconds,
        "endedBy": taken.ended_by,
        "transcript": " ".join(words),
    }


def _ours(record: CallRecord) -> Json:
    return {
        "turns": [
            {
                "number": turn.number,
                "totalMs": round(turn.total_ms, 1),
                "ownMs": round(turn.own_ms, 1),
                "segments": [_segment(turn, name, ms) for name, ms in turn.segments],
            }
            for turn in record.turns
        ],
        "usage": _USAGE.dump_python(record.usage, mode="json"),
        "sound": record.sound.model_dump(mode="json"),
        "voicemails": [_taken(record, number) for number in range(len(record.taken))],
        "events": _EVENTS.dump_python(record.events, mode="json"),
        "sipStatus": record.sip_status,
    }


def _segment(turn: Turn, name: str, ms: float) -> Json:
    vendor = turn.vendors.get(PARTS.get(name, ""))
    return {"name": name, "ms": round(ms, 1)} | ({"vendor": vendor} if vendor else {})


def is_logged(record: CallRecord, assistant: Json) -> bool:
    """Whether what happened in it may be shown as a log."""
    wish = (assistant.get("artifactPlan") or {}).get("loggingEnabled")
    return wish is not False and not record.discreet


def _links(record: CallRecord, assistant: Json, link_url: str) -> Json:
    """Links are given once there is something behind them."""
    if record.status is not Status.ENDED:
        return {}
    beginning = f"{link_url}/call/{record.id}"
    links = {"pcapUrl": f"{beginning}/pcap"} if record.capture else {}
    if is_logged(record, assistant):
        links["logUrl"] = f"{beginning}/call-logs"
    open_to_all = [*(PARTIES if record.recording else ()),
                   *(what for what in ("pcap", "log") if f"{what}Url" in links)]  # fmt: skip
    until = presigned.until(record, datetime.now(UTC))
    if made := presigned.links(record, link_url, open_to_all, until):
        made["presignedUrlsExpiresAt"] = instant(until) or ""
    return links | made | _sounds(record, beginning)


def _sounds(record: CallRecord, beginning: str) -> Json:
    if not record.recording:
        return {}
    urls = {which: f"{beginning}/{which}-recording" for which in PARTIES}
    signed: Json = {}
    if stored := record.stored:
        urls |= stored.urls
        signed = {f"presigned{w.capitalize()}Url": url for w, url in stored.presigned.items()}
        signed["presignedUrlsExpiresAt"] = instant(stored.expires_at)
    return signed | {
        "recordingUrl": urls["mono"],
        "stereoRecordingUrl": urls["stereo"],
        "recording": {
            "stereoUrl": urls["stereo"],
            "mono": {
                "combinedUrl": urls["mono"],
                "assistantUrl": urls["assistant"],
                "customerUrl": urls["customer"],
            },
        },
    }


def _instructions(record: CallRecord, assistant: Json) -> list[Line]:
    """The conversation begins with what the model was told before it."""
    at = record.answered_at or record.created_at
    model = assistant.get("model") or {}
    told = [m for m in model.get("messages") or () if m.get("role") == "system"]
    return [
        Line(role="system", text=m.get("content") or "", at=at, began_s=0, ended_s=0) for m in told
    ]


def _message(line: Line, tools: dict[str, str]) -> Json:
    """``tools``: which tool a call's id means; a result does not say it again."""
    time_ms = round(line.at.timestamp() * 1000)
    duration_ms = round((line.ended_s - line.began_s) * 1000)
    common = {"time": time_ms, "secondsFromStart": round(line.began_s, 3)}
    spoken = common | {"endTime": time_ms + duration_ms, "duration": duration_ms}
    match line.role:
        case "assistant":
            return {"role": "bot", "message": line.text, **spoken}
        case "user":
            return {"role": "user", "message": line.text, **spoken, **filtered(line.extra)}
        case "tool_call":
            return {"role": "tool_calls", "message": "", "toolCalls": [_call(line)], **common}
        case "tool_result":
            result = {
                "name": tools.get(_id(line), ""),
                "toolCallId": _id(line),
                "result": line.text,
            }
            return {"role": "tool_call_result", **result, **common}
    return {"role": "system", "message": line.text, **common}


def filtered(extra: Json, original: str = "originalMessage") -> Json:
    """That the compliancePlan's securityFilterPlan has changed what was said."""
    if not extra.get("threats"):
        return {}
    return {"isFiltered": True, "detectedThreats": extra["threats"], original: extra["original"]}


def _openai(line: Line) -> Json:
    match line.role:
        case "tool_call":
            return {"role": "assistant", "content": "", "tool_calls": [_call(line)]}
        case "tool_result":
            return {"role": "tool", "content": line.text, "tool_call_id": _id(line)}
    return {"role": line.role, "content": line.text}


def _id(line: Line) -> str:
    return str(line.extra.get("id", ""))


def _call(line: Line) -> Json:
    """A call's text is its arguments, as the model wrote them."""
    function = {"name": line.extra.get("name", ""), "arguments": line.text}
    return {"id": _id(line), "type": "function", "function": function}
