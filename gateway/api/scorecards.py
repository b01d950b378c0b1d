"""Scorecards: points for what the structured outputs of a call say. No IO.

A metric names an output, which is a number or a boolean, and gives the points of each of its
conditions that holds.
"""

import math
import operator
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_COMPARED = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge,
    "<=": operator.le,
}  # fmt: skip


def result(card: Json, values: Mapping[str, Any]) -> Json:
    """As the artifact shows it; ``values`` are the outputs' by their ids. What is not there has no
    points."""
    points: dict[str, float] = {}
    for metric in card["metrics"]:
        output = metric["structuredOutputId"]
        earned = sum(
            condition["points"]
            for condition in metric["conditions"]
            if _holds(condition, values.get(output))
        )
        points[output] = points.get(output, 0) + earned
    most = sum(one["points"] for metric in card["metrics"] for one in metric["conditions"])
    score = sum(points.values())
    made = {"score": score, "metricPoints": points}
    made["scoreNormalized"] = math.ceil(score / most * 100) if most else 0
    return ({"name": card["name"]} if card.get("name") else {}) | made


def _holds(condition: Json, value: Any) -> bool:
    wanted = condition["value"]
    if isinstance(value, bool) is not isinstance(wanted, bool):  # else True would be 1
        return False
    if not isinstance(value, int | float):
        return False
    return bool(_COMPARED[condition["comparator"]](value, wanted))
