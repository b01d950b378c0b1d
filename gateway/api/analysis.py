"""What a call was about, by its own model when it is over: the documented analysisPlan, and the
structured outputs of its artifactPlan.

Nothing is asked unless the assistant has a plan: every question costs its owner tokens. Each part
has its own time, all are asked at once, and one that fails is left out.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from gateway.agent.brief import Brief
from gateway.agent.messages import Start, Used
from gateway.agent.renewal import KeyWanted
from gateway.agent.templates import Templates
from gateway.agent.vendors import Catalog
from gateway.api import artifact, scorecards, structured_outputs
from gateway.api.models import with_its_own
from gateway.api.resources import instant
from gateway.api.saved_outputs import Saved
from gateway.calls import usage
from gateway.calls.ports import Findings, Papers
from gateway.calls.record import CallRecord
from gateway.calls.variables import about
from gateway.errors import VendorError
from gateway.speech import catalog
from gateway.speech.contract import Message, Said, Thinking
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import VENDORS, protocol
from gateway.store import StoreError

log = logging.getLogger(__name__)

Json = dict[str, Any]

TIMEOUT_S = 5.0
MOST_TOKENS = 1000
THRESHOLD = 2

_TRANSCRIPT = {"role": "user", "content": "Here is the transcript:\n\n{{transcript}}"}
_ENDED = "\n\nHere is the reason why the call ended:\n\n{{endedReason}}"
SUMMARY = [
    {
        "role": "system",
        "content": "You are an expert note-taker. You will be given the transcript of a call. "
        "Summarize the call in 2 or 3 sentences.",
    },
    {"role": "user", "content": _TRANSCRIPT["content"] + _ENDED},
]
STRUCTURED = [
    {
        "role": "system",
        "content": "You are an expert data extractor. You will be given the transcript of a call. "
        "Extract structured data by this JSON schema, and answer with the JSON alone.\n\n"
        "{{schema}}",
    },
    _TRANSCRIPT,
]
SUCCESS = [
    {
        "role": "system",
        "content": "You are an expert call evaluator. You will be given the transcript of a call "
        "and the system prompt of the AI in it. Determine whether the call was successful by the "
        "objectives that follow from that prompt. Answer with the result alone, by this rubric:\n\n"
        "{{rubric}}",
    },
    {
        "role": "user",
        "content": _TRANSCRIPT["content"] + "\n\nHere is the system prompt:\n\n{{systemPrompt}}",
    },
]
RUBRICS = {
    "NumericScale": "A whole number from 1 to 10.",
    "DescriptiveScale": "One of: Excellent, Good, Fair, Poor.",
    "Checklist": "A checklist of criteria and whether each was met.",
    "Matrix": "A grid that rates several criteria on several levels of performance.",
    "PercentageScale": "A percentage from 0% to 100%.",
    "LikertScale": "One of: Strongly Agree, Agree, Neutral, Disagree, Strongly Disagree.",
    "AutomaticRubric": "Break the evaluation into the criteria that matter, and score each.",
    "PassFail": "true if the call was successful, false if not.",
}
_FENCE = re.compile(r"^\s*```[a-z]*\s*(.*?)\s*```\s*$", re.DOTALL)


class Analyst:
    """``vendors`` are the operator's settings; ``allowed`` the networks that an assistant's own
    model may be in though they are not public; ``saved`` knows the structured outputs and
    scorecards that are no assistant's own."""

    def __init__(
        self,
        vendors: Mapping[str, VendorSettings],
        allowed: tuple[str, ...] = (),
        saved: Saved | None = None,
    ) -> None:
        self._vendors, self._allowed, self._saved = vendors, allowed, saved

    async def analyse(self, record: CallRecord, papers: Papers, brief: Brief) -> Findings:
        """The documented Analysis and structured outputs; empty if none is wanted or possible.
        Never raises."""
        plans, cards = await self._wanted(record, papers)
        analysis, outputs = await asyncio.gather(
            self._analysis(record, papers, brief),
            self.outputs(plans, cards, record, papers, brief),
        )
        return Findings(analysis, outputs, structured_outputs.storable(plans))

    async def _analysis(self, record: CallRecord, papers: Papers, brief: Brief) -> Json:
        plan = (papers.get("assistant") or {}).get("analysisPlan")
        spoken = [line for line in record.transcript if line.role in ("user", "assistant")]
        threshold = (plan or {}).get("minMessagesThreshold")
        if plan is None or len(spoken) < (THRESHOLD if threshold is None else threshold):
            return {}
        if brief.thinking.vendor == "script":
            return {}  # it has no opinion
        parts = dict(_parts(plan))
        known = _known(record, papers)
        answers = await asyncio.gather(
            *(self._answer(name, part, known, record, brief) for name, part in parts.items())
        )
        return _together(dict(zip(parts, answers, strict=True)))

    async def _wanted(
        self, record: CallRecord, papers: Papers
    ) -> tuple[dict[str, Json], dict[str, Json]]:
        """Structured outputs and scorecards, by their ids."""
        plans = structured_outputs.wanted(papers.get("assistant") or {})
        if self._saved is None:
            return plans, {}
        wish = (papers.get("assistant") or {}).get("artifactPlan") or {}
        try:
            plans |= await self._saved.outputs(record, wish)
            return plans, await self._saved.scorecards(record, wish)
        except StoreError as error:
            log.warning("saved structured outputs are left out: %s", error)
            return plans, {}

    async def outputs(
        self,
        plans: Mapping[str, Json],
        cards: Mapping[str, Json],
        record: CallRecord,
        papers: Papers,
        brief: Brief,
    ) -> Json:
        """What these plans find in a call that is over, as the artifact shows it:
        ``structuredOutputs``, ``skippedStructuredOutputs`` and ``scorecards``. Never raises."""
        if not plans and not cards:
            return {}
        unmet = {i: structured_outputs.unmet(plan, record) for i, plan in plans.items()}
        known = _known(record, papers)
        due = [one for one in plans if unmet[one] is None]
        values = await asyncio.gather(
            *(self._output(plans[one], known, record, brief) for one in due)
        )
        by_id = dict(zip(due, values, strict=True))
        made = {
            "structuredOutputs": {
                one: structured_outputs.result(plans[one], value) for one, value in by_id.items()
            },
            "skippedStructuredOutputs": {
                one: structured_outputs.skipped(plans[one], c) for one, c in unmet.items() if c
            },
            "scorecards": {one: scorecards.result(card, by_id) for one, card in cards.items()},
        }
        at = {"structuredOutputsLastUpdatedAt": instant(datetime.now(UTC))}
        return {name: part for name, part in made.items() if part} | at

    async def _output(self, plan: Json, known: Json, record: CallRecord, brief: Brief) -> Any:
        """None if it cannot be found."""
        try:
            if plan.get("type") == "regex":
                value = structured_outputs.by_pattern(plan, known["transcript"])
            else:
                if own := plan.get("model") and with_its_own(plan["model"]):
                    brief = brief.model_copy(update={"thinking": own})
                if brief.thinking.vendor == "script":
                    return None  # it has no opinion
                question = structured_outputs.question(plan)
                value = await self._answer("structuredOutput", question, known, record, brief)
            return None if value is None else structured_outputs.checked(value, plan["schema"])
        except (ValueError, RecursionError) as error:
            log.warning("a structured output is left out: %s", error, extra={"part": plan["name"]})
            return None

    async def _answer(
        self, name: str, part: Json, known: Json, record: CallRecord, brief: Brief
    ) -> Any:
        """None if there is none."""
        analysis = "structuredData" if name.startswith("multi ") else name
        try:
            thinking = await self._thinking(record, brief, analysis)
        except VendorError as error:
            log.warning("the call is not analysed: %s", error, extra={"part": name})
            return None
        try:
            return await _asked(name, part, known, thinking, record)
        finally:
            await thinking.close()

    async def _thinking(self, record: CallRecord, brief: Brief, analysis: str) -> Thinking:
        """Its requests are counted as this part of the analysis. Raises VendorError."""

        def told(message: Used | KeyWanted) -> None:
            if isinstance(message, Used):
                usage.add(record.usage, message, analysis)

        brief = brief.model_copy(update={"temperature": 0.0, "max_tokens": MOST_TOKENS})
        start = Start(call=record.id, row=0, brief=brief, variables=record.variables)
        choice = brief.thinking
        if choice.vendor in VENDORS:  # beside the loop: a vendor's SDK may take a second to load
            file = protocol(choice.vendor, choice.model, choice.options)
            await asyncio.to_thread(import_module, f"gateway.speech.vendors.{file}")
        return Catalog(self._vendors, told, time.monotonic, self._allowed).thinking(start, choice)

    async def close(self) -> None:
        """Nothing of the vendors is left open."""
        await catalog.close()


def _parts(plan: Json) -> Iterator[tuple[str, Json]]:
    """What is asked, by the name of its answer."""
    summary = plan.get("summaryPlan") or {}
    if summary.get("enabled") is not False:
        yield "summary", {"default": SUMMARY, **summary}
    success = plan.get("successEvaluationPlan") or {}
    if success.get("enabled") is not False:
        yield "successEvaluation", {"default": SUCCESS, **success}
    structured = plan.get("structuredDataPlan") or {}
    if structured.get("enabled"):
        yield "structuredData", {"default": STRUCTURED, "json": True, **structured}
    for one in plan.get("structuredDataMultiPlan") or ():
        if one["plan"].get("enabled"):
            yield f"multi {one['key']}", {"default": STRUCTURED, "json": True, **one["plan"]}


def _known(record: CallRecord, papers: Papers) -> Json:
    assistant = papers.get("assistant") or {}
    model = assistant.get("model") or {}
    told = [m.get("content") or "" for m in model.get("messages") or () if m["role"] == "system"]
    plain = {n: v for n, v in assistant.items() if n != "artifactPlan"}
    return {
        **about(record),
        **record.variables,
        "messages": [{"role": m.role, "message": m.text} for m in record.transcript],
        "duration": round(record.minutes * 60),
        "startedAt": instant(record.answered_at) or "",
        "endedAt": instant(record.ended_at) or "",
        "transcript": artifact.transcript(record.transcript, plain),
        "systemPrompt": "\n".join(told) or model.get("systemPrompt") or "",
        "endedReason": record.ended_reason or "",
    }


async def _asked(name: str, part: Json, known: Json, thinking: Thinking, record: CallRecord) -> Any:
    """None if there is none."""
    more = {
        "schema": json.dumps(part.get("schema") or {}),
        "rubric": RUBRICS[part.get("rubric") or "PassFail"],
        **part.get("known", {}),
    }
    fill = Templates(known | more, record.answered_at or datetime.now(UTC)).fill
    messages = [
        Message(m["role"], fill(str(m.get("content") or "")))
        for m in part.get("messages") or part["default"]
    ]
    limit_s = float(part.get("timeoutSeconds") or TIMEOUT_S)
    try:
        async with asyncio.timeout(limit_s):
            deltas = thinking.reply(messages, ())
            text = "".join([d.text async for d in deltas if isinstance(d, Said)]).strip()
        if not part.get("json"):
            return text or None
        return json.loads(fenced[1] if (fenced := _FENCE.match(text)) else text)
    except TimeoutError:
        why = f"no answer within {limit_s:g} s"
    except VendorError as error:
        why = str(error)
    except (ValueError, RecursionError):
        why = "the model's answer is not JSON"
    except Exception:  # a report is worth more than its analysis
        log.exception("the analysis of a call went wrong", extra={"part": name})
        return None
    log.warning("a part of the call's analysis is left out: %s", why, extra={"part": name})
    return None


def _together(answers: Json) -> Json:
    found = {n: v for n, v in answers.items() if v is not None and not n.startswith("multi ")}
    several = [
        {"key": n.removeprefix("multi "), "data": v}
        for n, v in answers.items()
        if v is not None and n.startswith("multi ")
    ]
    return found | ({"structuredDataMulti": several} if several else {})
