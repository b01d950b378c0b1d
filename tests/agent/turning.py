"""The machine of turns as tests hold it: a clock turned by hand, no vendors and no row."""

from typing import Any

from gateway.agent.brief import Brief, Choice
from gateway.agent.plans import Endpointing
from gateway.agent.turn_table import State
from gateway.agent.turns import Turns

CHOICE = Choice(vendor="clay")
PLAIN = Endpointing(by="text", punctuation_s=0.4, no_punctuation_s=0.4, number_s=0.4)
T0 = 50.0


def machine(*inputs: str, **brief: Any) -> Turns:
    """A machine that has been given some inputs already."""
    turns = Turns(
        Brief(
            hearing=CHOICE,
            thinking=CHOICE,
            speaking=CHOICE,
            **{
                "endpointing": PLAIN,
                "acknowledgements": ("okay", "uh-huh", "i see"),
                "interruptions": ("stop", "wait"),
                **brief,
            },
        ),
        T0,
    )
    for what in inputs:
        turns.step(what, T0)
    turns.outbox.clear()
    return turns


def speaking(**brief: Any) -> Turns:
    turns = machine("listen", "owed", "sound", **brief)
    assert turns.state is State.SPEAKING
    return turns
