"""The turn table, walked: no state without a way out, no failure without an answer."""

from collections import deque

import pytest

from gateway.agent.turn_table import AUDIBLE, BELONGS, DEAF, HELD, TABLE, State

LIVE = [state for state in State if state is not State.ENDED]
# What can happen to any call at any moment and must end or change it.
ALWAYS = ("stop", "broken")
FAILURES = ("model-failed", "model-dead", "voice-dead", "hearing-dead")
VERBS = {
    "greet", "ask", "early", "cancel", "interrupt", "release", "resume", "say", "apologise",
    "farewell", "hang-up", "rest", "settle", "give-up", "heed", "ignore-voice",
    "leave",
}  # fmt: skip


def reachable(begin: State) -> set[State]:
    found, todo = {begin}, deque([begin])
    while todo:
        here = todo.popleft()
        for (state, _), (after, _) in TABLE.items():
            if state is here and after not in found:
                found.add(after)
                todo.append(after)
    return found


@pytest.mark.parametrize("state", LIVE)
def test_every_state_leads_to_the_end(state: State) -> None:
    assert State.ENDED in reachable(state)


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached(state: State) -> None:
    assert state in reachable(State.RINGING)


@pytest.mark.parametrize("what", [*ALWAYS, *FAILURES])
@pytest.mark.parametrize("state", LIVE)
def test_every_failure_has_a_row_in_every_state(state: State, what: str) -> None:
    after, _ = TABLE[state, what]
    assert what not in ALWAYS or after is State.ENDED


@pytest.mark.parametrize("timer", BELONGS)
def test_every_timer_has_a_row_wherever_it_may_run(timer: str) -> None:
    for state in BELONGS[timer]:
        assert (state, timer) in TABLE, f"{timer} does nothing in {state}"


@pytest.mark.parametrize("state", LIVE)
def test_every_state_is_left_by_time_alone(state: State) -> None:
    """Even if nothing else ever happens: by a timer, or by having said everything."""
    quiet = {timer for timer, states in BELONGS.items() if state in states}
    quiet |= {"played-out"} if state in AUDIBLE else set()
    assert any(TABLE[state, what][0] is not state for what in quiet if (state, what) in TABLE)


def test_the_end_is_the_end() -> None:
    assert not [what for state, what in TABLE if state is State.ENDED]


def test_the_longest_duration_ends_every_state() -> None:
    for state in LIVE:
        if state is not State.ENDING:
            assert TABLE[state, "max"][0] in (State.ENDING, State.ENDED)


def test_every_action_is_known_and_every_timer_belongs_to_the_state_it_is_started_in() -> None:
    for (state, what), (after, actions) in TABLE.items():
        for action in actions.split():
            verb, _, timer = action.partition("-")
            if verb in ("start", "stop"):
                assert after in BELONGS[timer], f"{state}, {what}: {action}"
            else:
                assert action in VERBS, f"{state}, {what}: {action}"


def test_the_caller_is_heard_in_every_state_that_is_not_deaf() -> None:
    for state in set(LIVE) - DEAF:
        heard = {what for here, what in TABLE if here is state}
        assert heard & {"onset", "offset", "ended", "words", "digit"}, state


def test_where_the_agent_is_held_back_something_frees_or_drops_it() -> None:
    for state in HELD:
        freed = [after for (here, _), (after, _) in TABLE.items() if here is state]
        assert set(freed) - HELD, state


@pytest.mark.parametrize("state", [State.PAUSED, State.DOUBTED])
def test_a_pause_is_always_decided(state: State) -> None:
    """Whatever leaves a pause either drops the rest, goes on, or says something new."""
    for (here, what), (after, actions) in TABLE.items():
        if here is state and after not in (state, State.DOUBTED, State.ENDED):
            decided = {"interrupt", "resume", "release", "heed", "start-voice"}
            assert decided & set(actions.split()), f"{what} leaves the pause undecided"
