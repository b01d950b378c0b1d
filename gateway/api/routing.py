"""Rules of a phone number for who answers which caller when: ours, not documented. No IO.

``routing`` is a list; the first rule whose ``when`` fits decides, and if none fits the number's own
assistant answers. A rule names ``assistantId`` or ``squadId``, or ``shares`` of which one is drawn.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Chosen:
    """``source`` names who answers; ``why`` is for the call's record: rule and share."""

    source: Json
    why: Json = field(default_factory=dict)


def choose(
    rules: list[Json], caller: str, headers: Mapping[str, str], at: datetime, rng: random.Random
) -> Chosen | None:
    """Who answers by the first rule that fits; ``at`` has a time zone."""
    for number, rule in enumerate(rules, 1):
        if _fits(rule.get("when") or {}, caller, headers, at):
            why: Json = {"rule": rule.get("name") or number}
            if not rule.get("shares"):
                return Chosen(rule, why)
            share = rng.choices(rule["shares"], [one["weight"] for one in rule["shares"]])[0]
            total = sum(one["weight"] for one in rule["shares"])
            why["share"] = share.get("name") or share.get("assistantId") or share.get("squadId")
            return Chosen(share, why | {"weight": share["weight"], "of": total})
    return None


def problems(rules: list[Json]) -> list[str]:
    """What a shape cannot say of them, each naming its field."""
    found = []
    for index, rule in enumerate(rules):
        at, when = f"routing.{index}", rule.get("when") or {}
        try:
            ZoneInfo(when.get("timeZone") or "UTC")
        except (ValueError, OSError, LookupError):
            found.append(f"{at}.when.timeZone must be the name of a time zone, e.g. Europe/Berlin")
        for name in ("from", "to"):
            try:
                _time(when.get(name) or "00:00")
            except ValueError:
                found.append(f"{at}.when.{name} must be a time of day, e.g. 09:30")
        for place, one in [(at, rule)] if not rule.get("shares") else [
            (f"{at}.shares.{n}", share) for n, share in enumerate(rule["shares"])
        ]:  # fmt: skip
            if bool(one.get("assistantId")) == bool(one.get("squadId")):
                found.append(f"{place} must have either assistantId or squadId")
        if rule.get("shares") and not any(share["weight"] for share in rule["shares"]):
            found.append(f"{at}.shares must have a weight above 0")
    return found


def _fits(when: Json, caller: str, headers: Mapping[str, str], at: datetime) -> bool:
    callers = when.get("callers")
    if callers and not any(fnmatchcase(caller.lower(), one.lower()) for one in callers):
        return False
    sent = {name.lower(): value for name, value in headers.items()}
    for name, pattern in (when.get("headers") or {}).items():
        if not fnmatchcase(sent.get(name.lower(), "").lower(), pattern.lower()):
            return False
    return _in_time(when, at.astimezone(ZoneInfo(when.get("timeZone") or "UTC")))


def _in_time(when: Json, at: datetime) -> bool:
    """``to`` is not part of the span; one that ends before it begins goes over midnight, and
    belongs to the day on which it began."""
    begin, end = _time(when.get("from") or "00:00"), _time(when.get("to") or "24:00")
    now = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
    day = at
    if begin < end:
        inside = begin <= now < end
    else:
        inside = now >= begin or now < end
        if now < end:
            day = at - timedelta(days=1)
    days = when.get("days")
    return inside and (not days or DAYS[day.weekday()] in days)


def _time(text: str) -> timedelta:
    if text == "24:00":
        return timedelta(hours=24)
    at = time.fromisoformat(text)
    return timedelta(hours=at.hour, minutes=at.minute)
