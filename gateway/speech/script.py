"""A dialogue written down: states, what is recognised in each, what is answered. No model.

The engine keeps nothing: where a conversation stands is found by going through its user
messages again, so another process can go on with it, and the same words always lead to the
same answer.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from liquid import Environment
from liquid.exceptions import LiquidError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.speech.contract import Called, Message

DIGITS = "<digits>"  # in expected phrases: any spoken digits
SPOKEN = {"oh": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
          "six": "6", "seven": "7", "eight": "8", "nine": "9"}  # fmt: skip

_KEYED = re.compile(r"(?:[^:]*:\s*)?([0-9A-D*#]+)\s*")  # "User's Keypad Entry: 12#", or "12#"
_WORD = re.compile(r"[\w']+")


def words(text: str) -> tuple[str, ...]:
    """What counts of a text when it is compared: its words, in lower case."""
    return tuple(_WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


def _spell(value: object) -> str:
    """``{{ digits | spell }}``: one by one, as a voice should say them."""
    return ", ".join(str(value).replace("*", "✱").replace("#", "♯")).translate(
        {ord("✱"): "star", ord("♯"): "hash"}
    )


def _environment(now: datetime | None) -> Environment:
    environment = Environment()

    def date(value: object, form: str = "%b %-d, %Y", zone: str = "") -> str:
        """``{{ "now" | date: "%H:%M", "Europe/Berlin" }}``; without a zone, the machine's."""
        at = now if str(value) == "now" and now else datetime.fromisoformat(str(value))
        return (at.astimezone(ZoneInfo(zone)) if zone else at).strftime(form)

    environment.add_filter("date", date)
    environment.add_filter("spell", _spell)
    return environment


_PARSER = _environment(None)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _template(text: str) -> str:
    try:
        _PARSER.from_string(text)
    except LiquidError as error:
        raise ValueError(f"not a Liquid template: {error}") from None
    return text


class DigitsWanted(_Strict):
    """Spoken or keyed digits, kept as the variable ``digits``. A final ``#`` is dropped."""

    least: int = Field(1, ge=1)
    most: int = Field(20, ge=1)
    spoken: bool = Field(
        True, description="false: keys only, which leaves the embedded recogniser fewer mistakes"
    )


class ToolUse(_Strict):
    """A tool to call. Texts in ``arguments`` are templates."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Rule(_Strict):
    """On these words or keys, this is answered."""

    phrases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    digits: DigitsWanted | None = None
    say: str = ""
    tool: ToolUse | None = None
    then: str = Field("", description="said when the tool has answered; {{ result }} is what")
    next: str = Field("", description="the state afterwards; empty: the same")

    _say_is_template = field_validator("say", "then")(_template)

    @field_validator("phrases")
    @classmethod
    def _have_words(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if silent := next((p for p in phrases if not words(p)), None):
            raise ValueError(f"nothing that can be said: {silent!r}")
        return phrases

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((k for k in keys if not re.fullmatch(r"[0-9A-D*#]+", k)), None):
            raise ValueError(f"no keys of a telephone: {wrong!r}")
        return keys

    @model_validator(mode="after")
    def _recognises_and_does_something(self) -> Self:
        if not (self.phrases or self.keys or self.digits):
            raise ValueError("recognises nothing: needs phrases, keys or digits")
        if not (self.say or self.tool or self.next):
            raise ValueError("does nothing: needs say, tool or next")
        return self


class State(_Strict):
    """What may come now, and what is said to bring it about."""

    ask: str = Field("", description="said when this state is entered, and by a first reply")
    rules: tuple[Rule, ...] = ()
    unsure: tuple[str, ...] = Field(
        (), description="said the first, second … time running that nothing was recognised"
    )

    _ask_is_template = field_validator("ask")(_template)
    _unsure_are_templates = field_validator("unsure")(lambda v: tuple(map(_template, v)))


class Script(_Strict):
    """The whole dialogue. ``always`` holds in every state, after the state's own rules."""

    start: str
    states: dict[str, State]
    always: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.start not in self.states:
            raise ValueError(f"start: there is no state {self.start!r}")
        places = [("always", self.always)]
        places += [(f"states.{name}.rules", state.rules) for name, state in self.states.items()]
        for place, rules in places:
            seen: dict[object, int] = {}
            for n, rule in enumerate(rules):
                if rule.next and rule.next not in self.states:
                    raise ValueError(f"{place}.{n}.next: there is no state {rule.next!r}")
                for token in (*map(words, rule.phrases), *rule.keys):
                    if token in seen:
                        said = token if isinstance(token, str) else " ".join(token)
                        raise ValueError(f"{place}.{n}: {said!r} is in {place}.{seen[token]} too")
                    seen[token] = n
        return self

    def rules(self, state: str) -> tuple[Rule, ...]:
        return self.states[state].rules + self.always


@dataclass(frozen=True)
class Position:
    """Where a conversation stands after a user message."""

    state: str
    rule: Rule | None = None  # what that message matched
    unsure: int = 0  # messages running that matched nothing
    entered: bool = False  # the message led into another state
    known: Mapping[str, str] = field(default_factory=dict)  # variables: digits, heard


@dataclass(frozen=True)
class Answer:
    text: str
    call: Called | None = None

    def pieces(self) -> Iterator[str]:
        """The text a few words at a time, as a model would stream it."""
        for match in re.finditer(r"(?:\S+\s*){1,3}|\s+", self.text):
            yield match[0]


def _digits(said: tuple[str, ...]) -> str:
    """Spoken digits as digits; empty if any word is none."""
    found = [SPOKEN.get(word) or (word if re.fullmatch("[0-9]+", word) else "") for word in said]
    return "".join(found) if all(found) else ""


def recognise(own: Sequence[Rule], always: Sequence[Rule], text: str) -> tuple[Rule | None, str]:
    """The rule that ``text`` means, and the digits in it.

    Keys and spoken digits are the same; they match whole, and a state's ``own`` rules come
    before the ones that hold ``always``, so that a number may contain the key for hanging up.
    A phrase may stand among other words; the longest one found decides.
    """
    keyed = _KEYED.fullmatch(text)
    digits = keyed[1] if keyed else _digits(words(text))
    for rules in (own, always) if digits else ():
        if rule := next((r for r in rules if digits in r.keys), None):
            return rule, digits
        number = digits.removesuffix("#")
        if rule := next((r for r in rules if _fits(r, number)), None):
            return rule, number
    said = f" {' '.join(words(text))} "
    found = [
        (len(phrase), -n, rule)
        for n, rule in enumerate((*own, *always))
        for phrase in map(words, rule.phrases)
        if f" {' '.join(phrase)} " in said
    ]
    return max(found, key=lambda f: f[:2])[2] if found else None, ""


def _fits(rule: Rule, digits: str) -> bool:
    return rule.digits is not None and rule.digits.least <= len(digits) <= rule.digits.most


class Dialogue:
    """Answers from a script. ``variables`` are the call's own."""

    def __init__(self, script: Script, variables: Mapping[str, Any] | None = None) -> None:
        self._script = script
        self._variables = dict(variables or {})

    def position(self, messages: Sequence[Message]) -> Position:
        at = Position(self._script.start)
        for message in messages:
            if message.role == "user":
                at = self._step(at, message.content)
        return at

    def _step(self, at: Position, text: str) -> Position:
        rule, digits = recognise(self._script.states[at.state].rules, self._script.always, text)
        if rule is None:
            return replace(at, rule=None, unsure=at.unsure + 1, entered=False)
        known = {**at.known, "heard": text} | ({"digits": digits} if digits else {})
        to = rule.next or at.state
        return Position(to, rule, 0, to != at.state, known)

    def expected(self, messages: Sequence[Message]) -> list[str]:
        """Phrases that mean something now; :data:`DIGITS` among them where digits do."""
        rules = self._script.rules(self.position(messages).state)
        phrases = [" ".join(words(phrase)) for rule in rules for phrase in rule.phrases]
        return list(
            dict.fromkeys(
                [*phrases, *(DIGITS for rule in rules if rule.digits and rule.digits.spoken)]
            )
        )

    def answer(self, messages: Sequence[Message], now: datetime) -> Answer:
        """The next assistant message. ``now`` has a time zone: the one the time is told in."""
        at = self.position(messages)
        last = messages[-1].role if messages else "system"
        fill = _Filler(now, {**self._variables, **at.known})
        if last == "tool":
            return Answer(fill(at.rule.then, result=messages[-1].content) if at.rule else "")
        if last != "user":
            return Answer(fill(self._script.states[at.state].ask))
        if at.rule is None:
            return Answer(fill(self._unsure(at)))
        ask = self._script.states[at.state].ask if at.entered else ""
        text = " ".join(filter(None, (fill(at.rule.say), fill(ask))))
        if not (tool := at.rule.tool):
            return Answer(text)
        return Answer(text, Called(f"call_{len(messages)}", tool.name, fill.json(tool.arguments)))

    def _unsure(self, at: Position) -> str:
        if texts := self._script.states[at.state].unsure:
            return texts[min(at.unsure, len(texts)) - 1]
        ways = "; ".join(filter(None, map(_way, self._script.rules(at.state))))
        return f"Sorry, I did not catch that. You can {ways}."


def _way(rule: Rule) -> str:
    """How a caller gets there, in words."""
    said = f"say {rule.phrases[0]}" if rule.phrases else ""
    keyed = f"press {_spell(rule.keys[0])}" if rule.keys else ""
    digits = "say or key in a number" if rule.digits else ""
    return " or ".join(filter(None, (said, keyed, digits)))


class _Filler:
    """Fills templates; a variable that nobody gave is silence, not braces read aloud."""

    def __init__(self, now: datetime, variables: Mapping[str, Any]) -> None:
        self._environment = _environment(now)
        self._variables = variables

    def __call__(self, text: str, **more: str) -> str:
        if "{" not in text:
            return text
        try:
            return self._environment.from_string(text).render(**{**self._variables, **more})
        except (LiquidError, ValueError, KeyError):  # a filter given what it cannot use
            return ""

    def json(self, arguments: Mapping[str, Any]) -> str:
        return json.dumps(
            {name: self(v) if isinstance(v, str) else v for name, v in arguments.items()}
        )
