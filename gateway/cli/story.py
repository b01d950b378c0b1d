"""A call told to a person: lines of text made of what the API says, without a screen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.markup import escape

from gateway.agent import timings

Json = dict[str, Any]
WIDTH = 40  # columns of the longest turn's waterfall


class Following:
    """Tells what is new in a call each time it is looked at."""

    def __init__(self) -> None:
        self._status = ""
        self._messages = 0
        self._turns = 0

    def news(self, call: Json) -> Iterator[str]:
        messages = [m for m in call.get("messages", ()) if m.get("role") != "system"]
        for message in messages[self._messages :]:
            yield said(message)
        self._messages = max(self._messages, len(messages))
        turns = turns_of(call)
        for turn in turns[self._turns :]:
            yield f"[dim]{summary(turn)}[/dim]"
        self._turns = max(self._turns, len(turns))
        status = call.get("status", "")
        if status != self._status:
            self._status = status
            yield f"[bold]{status}[/bold]{escape(ending(call)) if status == 'ended' else ''}"


def ending(call: Json) -> str:
    """Why and after how long it ended."""
    lasted = duration_s(call)
    after = f" after {lasted:.0f} s" if lasted is not None else ""
    detail = f" ({call['endedMessage']})" if call.get("endedMessage") else ""
    return f"{after}: {call.get('endedReason', 'no reason given')}{detail}"


def duration_s(call: Json) -> float | None:
    """From the answer to the end; None while either is missing."""
    began, ended = (_instant(call.get(name)) for name in ("startedAt", "endedAt"))
    return (ended - began).total_seconds() if began and ended else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def party(call: Json) -> str:
    """The other end."""
    customer = call.get("customer") or {}
    return str(customer.get("number") or customer.get("sipUri") or customer.get("name") or "")


def said(message: Json) -> str:
    """One entry of the transcript."""
    at = f"[dim]{message.get('secondsFromStart', 0):7.2f} s[/dim]"
    text = escape(str(message.get("message", "")))
    match message.get("role"):
        case "bot":
            return f"{at}  [cyan]agent[/cyan]   {text}"
        case "user":
            return f"{at}  [green]caller[/green]  {text}"
        case "tool_calls":
            names = ", ".join(
                f"{call['function']['name']}({call['function']['arguments']})"
                for call in message.get("toolCalls", ())
            )
            return f"{at}  [yellow]tool[/yellow]    {escape(names)}"
        case "tool_call_result":
            return f"{at}  [yellow]result[/yellow]  {escape(str(message.get('result', '')))}"
    return f"{at}  {escape(str(message.get('role')))}  {text}"


def turns_of(call: Json) -> list[Json]:
    ours = (call.get("artifact") or {}).get("trunkline") or {}
    turns: list[Json] = ours.get("turns", [])
    return turns


def summary(turn: Json) -> str:
    """One turn in one line."""
    parts = " + ".join(f"{s['name']} {s['ms']:.0f}" for s in turn["segments"])
    return f"turn {turn['number']}: {turn['totalMs']:.0f} ms = {parts}; ours {turn['ownMs']:.0f}"


def waterfall(turns: list[Json]) -> Iterator[str]:
    """Every turn, its segments one under the other, each beginning where the last one ended: blue
    what was set or the caller's own, yellow a vendor's, red the gateway's."""
    longest = max((turn["totalMs"] for turn in turns), default=0) or 1
    titles = [[_title(s) for s in turn["segments"]] for turn in turns]
    width = max((len(title) for turn in titles for title in turn), default=0)
    for turn, named in zip(turns, titles, strict=True):
        yield (
            f"[bold]turn {turn['number']}[/bold]  {turn['totalMs']:.0f} ms, "
            f"the gateway's own share {turn['ownMs']:.0f} ms"
        )
        at = 0.0
        for segment, title in zip(turn["segments"], named, strict=True):
            first = round(at / longest * WIDTH)
            at += segment["ms"]
            length = max(round(at / longest * WIDTH) - first, 1)
            colour = _colour(segment["name"])
            bar = f"{' ' * first}[{colour}]{'█' * length}[/{colour}]"
            yield f"  {escape(title):<{width}} {segment['ms']:6.0f} ms  {bar}"


def _colour(segment: str) -> str:
    if segment in timings.SET | timings.CALLERS:
        return "blue"
    return "red" if segment in timings.OWN else "yellow"


def _title(segment: Json) -> str:
    vendor = segment.get("vendor")
    return f"{segment['name']} ({vendor})" if vendor else str(segment["name"])


def bill(call: Json) -> Iterator[str]:
    """What it cost, item by item; nothing if nobody asked for money or did anything."""
    items = [item for item in call.get("costs", ()) if item["type"] != "vapi"]
    if not any(item.get("cost") or item["type"] != "transport" for item in items):
        return
    yield f"[bold]cost[/bold]  {call.get('cost', 0):.4f} $"
    for item in items:
        who, amount = _billed(item)
        price = "no price is known" if item.get("unpriced") else f"{item['cost']:.4f} $"
        yield f"  {item['type']:<11} {escape(who):<28} {amount:<28} {price}"


def _billed(item: Json) -> tuple[str, str]:
    """Whose work it was, and how much of it."""
    who = item.get(item["type"]) or {}
    name = "/".join(filter(None, (who.get("provider", ""), who.get("model", ""))))
    match item["type"]:
        case "model":
            return name, f"{item['promptTokens']} + {item['completionTokens']} tokens"
        case "voice":
            return name, f"{item['characters']} characters"
    return name, f"{item.get('minutes', 0):.2f} min"
