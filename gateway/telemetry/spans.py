"""A call as spans, by OpenTelemetry's conventions for generative AI, made when it is over.

The call is the root; its turns are below it, each with its segments; what was asked of models,
voices and tools is below the turn in which it was asked. No words: those are the transcript's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from gateway.agent.messages import FromAgent, Spoken, TurnTimings, Used
from gateway.agent.timings import PARTS
from gateway.calls.record import SAID, CallRecord

Value = str | int | float | bool | list[str]
# Where the conventions name a provider otherwise than the assistant's JSON does.
PROVIDERS = {
    "azure-openai": "azure.ai.openai",
    "deep-seek": "deepseek",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "perplexity-ai": "perplexity",
    "xai": "x_ai",
}


@dataclass
class Span:
    """Times are seconds since the epoch. ``error`` is a type of error, empty for none."""

    name: str
    began: float
    ended: float
    attributes: dict[str, Value] = field(default_factory=dict)
    error: str = ""
    client: bool = False  # it was asked of somebody else
    events: list[tuple[str, float, dict[str, Value]]] = field(default_factory=list)
    below: list["Span"] = field(default_factory=list)


class Notes:
    """What a call's agent says that spans are made of. ``ahead`` is what is to be added to
    monotonic seconds to make them seconds since the epoch."""

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead
        self._turns: list[TurnTimings] = []
        self._used: list[Used] = []
        self._called: list[Spoken] = []
        self._results: dict[str, Spoken] = {}

    def take(self, message: FromAgent) -> None:
        match message:
            case TurnTimings():
                self._turns.append(message)
            case Used(part="thinking" | "speaking"):
                self._used.append(message)
            case Spoken(role="tool_call"):
                self._called.append(message)
            case Spoken(role="tool_result"):
                self._results[str(message.extra.get("id", ""))] = message

    def span(self, record: CallRecord) -> Span:
        """The whole call, which has ended."""
        root = _call(record)
        turns = [(turn.began_at, self._turn(turn)) for turn in self._turns]
        root.below += [span for _, span in turns]
        for began_at, span in self._asked():
            of = [turn for began, turn in turns if began <= began_at]
            (of[-1] if of else root).below.append(span)
        for span in _all(root):
            span.attributes["gen_ai.conversation.id"] = record.id
        return root

    def _asked(self) -> Iterator[tuple[float, Span]]:
        for used in self._used:
            yield used.began_at, self._request(used)
        for called in self._called:
            yield called.began_at, self._tool(called)

    def _turn(self, turn: TurnTimings) -> Span:
        at = turn.began_at + self._ahead
        span = Span(f"turn {turn.turn}", at, at + turn.total_ms / 1000)
        span.attributes = {"trunkline.turn": turn.turn, "trunkline.own_ms": turn.own_ms}
        for name, ms in turn.segments:
            segment = Span(name, at, at + ms / 1000)
            if vendor := turn.vendors.get(PARTS.get(name, "")):
                segment.attributes["trunkline.vendor"] = vendor
            span.below.append(segment)
            at = segment.ended
        return span

    def _request(self, used: Used) -> Span:
        provider = PROVIDERS.get(used.vendor, used.vendor)
        operation = "chat" if used.part == "thinking" else "text_to_speech"
        span = Span(
            f"{operation} {used.model or used.vendor}",
            used.began_at + self._ahead,
            used.ended_at + self._ahead,
            {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider},
            error=used.fault,
            client=True,
        )
        if used.model:
            span.attributes["gen_ai.request.model"] = used.model
        if used.first_at is not None:
            span.attributes["trunkline.first_ms"] = (used.first_at - used.began_at) * 1000
        if not used.finish and not used.fault:
            span.attributes["trunkline.cut_short"] = True
        if used.part == "speaking":
            span.attributes["trunkline.characters"] = used.characters
            span.attributes["trunkline.sound_s"] = used.seconds
            return span
        span.attributes |= {
            "gen_ai.usage.input_tokens": used.tokens_in,
            "gen_ai.usage.output_tokens": used.tokens_out,
            "gen_ai.usage.cache_read.input_tokens": used.tokens_cached,
            "gen_ai.response.finish_reasons": [used.finish or "cut_short"],
        }
        return span

    def _tool(self, called: Spoken) -> Span:
        call_id, name = (str(called.extra.get(key, "")) for key in ("id", "name"))
        result = self._results.get(call_id)
        return Span(
            f"execute_tool {name}",
            called.began_at + self._ahead,
            (result or called).ended_at + self._ahead,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": call_id,
            },
            error="" if result and result.extra.get("ok", True) else "failed",
        )


def _call(record: CallRecord) -> Span:
    ended = record.ended_at or record.updated_at
    reason = record.ended_reason or ""
    attributes: dict[str, Value | None] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.id": record.assistant_id,
        "trunkline.call.id": record.id,
        "trunkline.call.direction": record.direction,
        "trunkline.call.ended_reason": reason,
        "trunkline.call.cost": record.cost,
        "trunkline.call.codec": record.sound.codec,
        "trunkline.call.mos": record.sound.mos,
        "trunkline.trunk": record.trunk or None,
        "sip.call_id": record.sip_call_id or None,
    }
    return Span(
        f"call {record.direction}",
        record.created_at.timestamp(),
        ended.timestamp(),
        {name: value for name, value in attributes.items() if value is not None},
        error=reason if "error" in reason else "",
        events=[_event(event.what, event.at, event.facts) for event in record.events],
    )


def _event(
    what: str, at: datetime, facts: dict[str, object]
) -> tuple[str, float, dict[str, Value]]:
    plain: dict[str, Value] = {
        k: v for k, v in facts.items() if isinstance(v, str | int | float | bool)
    }
    for words in SAID:  # what was said stays in the transcript
        plain.pop(words, None)
    return what, at.timestamp(), plain


def _all(span: Span) -> Iterable[Span]:
    yield span
    for one in span.below:
        yield from _all(one)
