"""When the agent may begin to speak, when it must stop, what keys mean, and what happens by itself:
the part of a brief that turn-taking is made of. All durations are seconds.
"""

from typing import Any, Literal

from pydantic import Field

from gateway.agent.opening import MIDDLE_S, PAUSE_S
from gateway.agent.plain import Plain


class Pattern(Plain):
    """A regular expression; ``flags`` are those of :mod:`re`."""

    regex: str
    flags: int = 0


class Rule(Plain):
    """If the agent's last message and what the caller has said so far match, the caller's turn
    is over after ``wait_s`` of silence. None matches everything."""

    assistant: Pattern | None = None
    customer: Pattern | None = None
    wait_s: float


class Endpointing(Plain):
    """How it is found out that the caller's turn is over.

    ``text``: by how the words end (the three waits below). ``estimate``: how likely the caller
    goes on, from words and sound. ``function``: the same, and ``function`` of it is the wait.
    ``server``: a webhook is asked. ``transcriber``: it knows by itself.
    """

    by: Literal["text", "estimate", "function", "server", "transcriber"] = "estimate"
    rules: tuple[Rule, ...] = ()  # the first that matches wins over all else
    punctuation_s: float = 0.1
    no_punctuation_s: float = 1.5
    number_s: float = 0.5
    function: str = ""  # of x, the probability that the caller still speaks; gives milliseconds
    server: dict[str, Any] | None = None  # for main: who is asked, if not the call's own server


class KeypadPlan(Plain):
    """How keys become an entry. Without ``enabled`` the model is never told of any."""

    enabled: bool = True
    timeout_s: float = 2.0  # after the last key; 0: only a delimiter ends the entry
    delimiters: str = "#"  # keys that end an entry, and are not part of it


class HookAction(Plain):
    """One thing that a hook does.

    ``say`` one of ``texts``; have the model say something by ``messages`` (``prompt``); call the
    ``tool`` of that name; or add ``messages`` to the conversation (``add``), and ``answer`` them.
    """

    do: Literal["say", "prompt", "tool", "add"]
    texts: tuple[str, ...] = ()
    in_order: bool = False  # the first text the first time, and so on; else any
    messages: tuple[dict[str, str], ...] = ()  # role and content
    tool: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)
    answer: bool = True


class Hook(Plain):
    """What is done when something happens.

    ``silence``: nobody has spoken for ``after_s``; ``elapsed``: the call has lasted so long;
    ``slow``: the model has been silent for so long; ``agent-interrupted``: by the caller;
    ``caller-interrupted``: by the agent; ``unsure``: the transcriber was, of a whole turn, its
    confidence lying in ``confidence``; ``ending``: the call is over (main's affair).
    """

    on: Literal[
        "silence", "elapsed", "slow", "agent-interrupted", "caller-interrupted", "unsure", "ending"
    ]
    do: tuple[HookAction, ...]
    after_s: float = 7.5
    most: int = 3  # times in one call that a silence hook fires
    forgetful: bool = False  # what the caller says sets that count back to none
    confidence: tuple[float, float] = (0.2, 0.4)
    reasons: tuple[str, ...] | None = None  # of ``ending``: only for these; None: for all


class VoicemailPlan(Plain):
    """How a machine that answers is found out, and what is done then. Seconds count from the
    answer unless something else is said.

    ``sound``: by timing, tones and the transcript's wording, as the call runs. ``transcript``: a
    model is asked about the words so far; only a beep and a fax decide beside it.
    """

    by: Literal["sound", "transcript"] = "sound"
    message: str = ""  # a template, or the URL of a sound file; empty: hang up
    beep_wait_s: float = 30.0  # so long the beep is waited for; then the message is said anyhow
    silence_s: float = 0.0  # so long a silence does as well as a beep; 0: none does
    first_check_s: float = 5.0
    every_s: float = 5.0
    checks: int = 6
    middle_s: float = (
        MIDDLE_S  # a first utterance of this length is as often a machine's as a person's
    )
    pause_s: float = PAUSE_S  # a silence that ends it
    fax: bool = True  # a fax machine counts


class ScreenPlan(Plain):
    """What is taken out of the caller's words before a model reads them: what looks like one of
    these ``kinds`` of attack, and what the owner's ``regexes`` match. None of either: all kinds.

    ``sanitize`` takes the parts out, ``replace`` puts ``replacement`` in their place, ``reject``
    in the place of all that was said.
    """

    kinds: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    mode: Literal["sanitize", "reject", "replace"] = "sanitize"
    replacement: str = "[FILTERED]"
