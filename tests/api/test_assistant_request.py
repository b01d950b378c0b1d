"""A number's server is asked who answers, and what happens if it does not say."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from gateway.api.directory import StoreDirectory
from gateway.calls.ports import CallRefused, Enquiry, Forward, Route
from gateway.calls.record import Party
from gateway.store import Store
from tests.api.hooks import Peer, a_call

NUMBER = {"provider": "vapi", "sipUri": "sip:desk@here"}


async def enquiry(store: Store, directory: StoreDirectory, peer: Peer, **more: Any) -> Enquiry:
    await store.phone_numbers.create({**NUMBER, "server": {"url": peer.url}, **more})
    found = await directory.find("desk", "here", {}, Party(number="+4930"))
    assert isinstance(found, Enquiry)
    return found


def answers(peer: Peer, answer: Any, status: int = 200) -> None:
    peer.answers.append((status, json.dumps(answer).encode()))


async def test_the_server_names_a_saved_assistant_and_overrides(
    store: Store, directory: StoreDirectory, peer: Peer, script: dict[str, Any]
) -> None:
    saved = await store.assistants.create(script)
    overrides = {"firstMessage": "Hi {{who}}", "variableValues": {"who": "Al"}}
    answers(peer, {"assistantId": saved.id, "assistantOverrides": overrides})
    asked = await enquiry(store, directory, peer)
    call = a_call(customer=Party(number="+4930"))
    route = await asked.ask(call)
    assert isinstance(route, Route)
    assert (route.assistant_id, route.brief.greeting) == (saved.id, "Hi {{who}}")
    assert route.variables == {"who": "Al"}
    (message,) = peer.messages
    assert message["type"] == "assistant-request"
    assert message["call"]["id"] == call.id
    assert message["phoneNumber"]["sipUri"] == NUMBER["sipUri"]


async def test_a_squad_begins_with_its_first_member_who_may_hand_over(
    store: Store, directory: StoreDirectory, peer: Peer, script: dict[str, Any]
) -> None:
    ways = [{"type": "assistant", "assistantName": "Bob"}]
    first = {"assistant": {**script, "name": "Ann"}, "assistantDestinations": ways}
    squad = {"members": [first, {"assistant": {**script, "name": "Bob"}}]}
    answers(peer, {"squad": squad, "squadOverrides": {"firstMessage": "Yes?"}})
    route = await (await enquiry(store, directory, peer)).ask(a_call())
    assert isinstance(route, Route)
    assert (route.brief.name, route.brief.greeting) == ("Ann", "Yes?")
    assert route.papers["squad"] == squad


async def test_a_destination_wins_over_the_rest(
    store: Store, directory: StoreDirectory, peer: Peer, script: dict[str, Any]
) -> None:
    destination = {"type": "number", "number": "+49301234567"}
    answers(peer, {"assistant": script, "destination": destination})
    forward = await (await enquiry(store, directory, peer)).ask(a_call())
    assert isinstance(forward, Forward)
    assert forward.destination.papers == destination
    assert forward.reason == "assistant-request-returned-forwarding-phone-number"


async def test_an_error_is_spoken_and_ends_the_call(
    store: Store, directory: StoreDirectory, peer: Peer
) -> None:
    answers(peer, {"error": "We are closed."})
    route = await (await enquiry(store, directory, peer)).ask(a_call())
    assert isinstance(route, Route)
    assert (route.last_words, route.ends_as) == (
        "We are closed.",
        "assistant-request-returned-error",
    )


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({}, 200, "assistant-request-returned-no-assistant"),
        ([], 200, "assistant-request-returned-invalid-assistant"),
        ({"assistant": {"nonsense": 1}}, 200, "assistant-request-returned-invalid-assistant"),
        ({"assistant": {}}, 200, "assistant-request-returned-invalid-assistant"),
        ({"assistantId": "x"}, 200, "assistant-request-returned-invalid-assistant"),
        ({"error": "***"}, 200, "assistant-request-returned-unspeakable-error"),
        ({}, 500, "assistant-request-failed"),
    ],
)
async def test_what_cannot_be_used_ends_the_call_with_the_documented_reason(
    store: Store, directory: StoreDirectory, peer: Peer, answer: Any, status: int, reason: str
) -> None:
    answers(peer, answer, status)
    asked = await enquiry(store, directory, peer)
    with pytest.raises(CallRefused) as error:
        await asked.ask(a_call())
    assert error.value.reason == reason


async def test_without_an_answer_in_time_the_fallback_answers(
    store: Store, directory: StoreDirectory, peer: Peer, script: dict[str, Any]
) -> None:
    never = asyncio.Event()

    async def silence() -> tuple[int, bytes]:
        await never.wait()
        return 200, b"{}"

    peer.answers.append(silence)
    spare = await store.assistants.create({**script, "name": "Spare"})
    asked = await enquiry(store, directory, peer, fallbackAssistantId=spare.id)
    desk = asked.ask.__self__  # type: ignore[attr-defined]
    object.__setattr__(desk, "limit_s", 0.01)
    route = await asked.ask(a_call())
    never.set()
    assert isinstance(route, Route)
    assert route.assistant_id == spare.id
    assert route.chosen == {"fallback": "assistant-request-failed"}


async def test_a_destination_or_a_hook_is_what_a_caller_falls_back_on(
    store: Store, directory: StoreDirectory, peer: Peer
) -> None:
    destination = {"type": "number", "number": "+49301234567"}
    asked = await enquiry(store, directory, peer, fallbackDestination=destination)
    answers(peer, {})
    forward = await asked.ask(a_call())
    assert isinstance(forward, Forward)
    assert forward.destination.papers == destination
    wrong = {"type": "oneOf", "key": "call.endedReason", "oneOf": ["assistant-request-failed"]}
    right = wrong | {"oneOf": ["assistant-request-returned-no-assistant"]}
    hooks = [
        {"on": "call.ending", "filters": [one], "do": [{"type": "say", "exact": said}]}
        for one, said in ((wrong, "No."), (right, "Nobody is here."))
    ]
    tool = {"type": "tool", "toolId": "an assistant's"}
    hooks.insert(0, {"on": "call.ending", "do": [tool]})
    number = (await store.phone_numbers.list())[0]
    await store.phone_numbers.delete(number.id)
    await store.phone_numbers.create({**number.body, "hooks": hooks})
    found = await directory.find("desk", "here", {}, Party())
    assert isinstance(found, Enquiry)
    answers(peer, {})
    route = await found.ask(a_call())
    assert isinstance(route, Route)
    assert route.last_words == "Nobody is here."
    assert route.ends_as == "call.ending.hook-executed-say"


async def test_both_documented_forms_of_an_ending_hook_are_taken(
    store: Store, directory: StoreDirectory, api: httpx.AsyncClient
) -> None:
    transfer = {"type": "transfer", "destination": {"type": "number", "number": "+49301234567"}}
    for do in (transfer, [transfer]):
        hook = {"on": "call.ending", "do": do}
        made = await api.post("/phone-number", json={**NUMBER, "hooks": [hook]})
        assert made.status_code == 201, made.text
        assert made.json()["hooks"] == [hook]
        found = await directory.find("desk", "here", {}, Party())
        assert isinstance(found, Enquiry)
        forward = await found.ask(a_call())
        assert isinstance(forward, Forward)
        assert forward.reason == "call.ending.hook-executed-transfer"
        await store.phone_numbers.delete(made.json()["id"])


async def test_a_ringing_hook_meets_callers_by_their_prefix_before_anything_else(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    saved = await store.assistants.create(script)
    starts = {"type": "startsWith", "key": "number", "startsWith": ["+1"]}
    hook = {"on": "call.ringing", "filters": [starts], "do": [{"type": "say", "exact": "No."}]}
    await store.phone_numbers.create({**NUMBER, "assistantId": saved.id, "hooks": [hook]})
    met = await directory.find("desk", "here", {}, Party(number="+1415"))
    assert isinstance(met, Enquiry)
    route = await met.ask(a_call())
    assert isinstance(route, Route)
    assert (route.last_words, route.ends_as) == ("No.", "call.ringing.hook-executed-say")
    assert isinstance(await directory.find("desk", "here", {}, Party(number="+49")), Route)
