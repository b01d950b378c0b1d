"""A long conversation is shown without its oldest turns, and never with half a call."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.context import fitted
from gateway.speech.contract import Called, Message

SYSTEM = Message("system", "Be brief.")


def user(text: str) -> Message:
    return Message("user", text)


def said(text: str) -> Message:
    return Message("assistant", text)


def test_what_fits_stays_as_it_is() -> None:
    messages = [SYSTEM, user("a"), said("b"), user("c")]
    assert fitted(messages, 100) == messages
    assert fitted([], 100) == []
    assert fitted([SYSTEM], 1) == [SYSTEM]


def test_the_oldest_goes_and_a_note_says_so() -> None:
    messages = [SYSTEM, user("a" * 50), said("b" * 50), user("c" * 50), said("d" * 5), user("e")]
    shown = fitted(messages, 100)
    note = Message("system", "[2 earlier messages are left out here.]")
    assert shown == [SYSTEM, note, *messages[3:]]


def test_a_call_goes_with_its_results() -> None:
    calls = (Called("1", "look", "{}"), Called("2", "look", "{}"))
    pair = [Message("assistant", "", calls), Message("tool", "x" * 90, tool_call_id="1"),
            Message("tool", "y", tool_call_id="2")]  # fmt: skip
    shown = fitted([SYSTEM, user("a"), *pair, said("z"), user("b")], 50)
    assert [m.role for m in shown] == ["system", "system", "user"]


def test_the_last_turn_stays_however_long_it_is() -> None:
    call = Message("assistant", "", (Called("1", "look", "{}"),))
    result = Message("tool", "x" * 500, tool_call_id="1")
    messages = [SYSTEM, user("a"), said("b"), user("c" * 500), call, result]
    assert fitted(messages, 100)[2:] == messages[3:]


MESSAGES = st.lists(
    st.sampled_from(["user", "assistant", "call", "system"]).flatmap(
        lambda role: st.tuples(st.just(role), st.text("x", max_size=40))
    ),
    max_size=20,
)


@given(MESSAGES, st.integers(0, 200))
def test_whatever_is_left_out_calls_and_results_stay_together(
    parts: list[tuple[str, str]], limit: int
) -> None:
    messages = [SYSTEM]
    for number, (role, text) in enumerate(parts):
        if role == "call":
            messages.append(Message("assistant", text, (Called(str(number), "look", "{}"),)))
            messages.append(Message("tool", text, tool_call_id=str(number)))
        else:
            messages.append(Message(role, text))  # type: ignore[arg-type]
    shown = fitted(messages, limit)
    called = [c.id for m in shown for c in m.tool_calls]
    assert called == [m.tool_call_id for m in shown if m.role == "tool"]
    assert shown[0] == SYSTEM
    users = [m for m in messages if m.role == "user"]
    if users:
        last = max(n for n, m in enumerate(messages) if m.role == "user")
        assert shown[-len(messages[last:]) :] == messages[last:]
