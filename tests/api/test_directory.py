"""What was dialled finds who answers."""

from typing import Any

import pytest

from gateway.api.directory import StoreDirectory
from gateway.calls.ports import CallRefused, Enquiry, Login, OutOfOrder, Route
from gateway.calls.record import Party
from gateway.store import Store
from tests.api.hooks import a_call


async def test_a_number_leads_to_its_assistant(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    assistant = await store.assistants.create({**script, "name": "Ann"})
    body = {"provider": "vapi", "sipUri": "sip:desk@here", "assistantId": assistant.id}
    number = await store.phone_numbers.create(body)
    route = await directory.find("Desk", "192.0.2.1", {}, Party())
    assert route is not None
    assert route.brief.name == "Ann"
    assert (route.assistant_id, route.phone_number_id) == (assistant.id, number.id)
    assert route.assistant is None
    assert route.papers == {"assistant": assistant.body, "phoneNumber": {"id": number.id, **body}}


async def test_nobody_is_nobody(directory: StoreDirectory) -> None:
    assert await directory.find("nobody", "here", {}, Party()) is None


@pytest.mark.parametrize(
    ("assistant", "said", "reason"),
    [
        (None, "has no assistant", "call-start-error-neither-assistant-nor-server-set"),
        ("gone", "does not exist", "call.start.error-get-assistant"),
        ("mute", "model should not be empty", "assistant-not-valid"),
    ],
)
async def test_a_number_that_cannot_be_answered_says_why(
    store: Store, directory: StoreDirectory, assistant: str | None, said: str, reason: str
) -> None:
    mute = await store.assistants.create({})
    assistant_id = {"gone": "11111111-1111-4111-8111-111111111111", "mute": mute.id}.get(
        assistant or ""
    )
    body = {"number": "+14155550100", "assistantId": assistant_id}
    number = await store.phone_numbers.create(body)
    found = await directory.find("14155550100", "here", {}, Party())
    assert isinstance(found, Enquiry)  # so there will be a record of the call
    assert (found.phone_number_id, found.public) == (number.id, False)
    assert found.papers == {"phoneNumber": {"id": number.id, **body}}
    with pytest.raises(CallRefused, match=said) as error:
        await found.ask(a_call())
    assert error.value.reason == reason


async def test_a_number_whose_assistant_cannot_be_used_falls_back(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    mute, spare = await store.assistants.create({}), await store.assistants.create(script)
    body = {"sipUri": "sip:desk@here", "assistantId": mute.id, "fallbackAssistantId": spare.id}
    await store.phone_numbers.create({"provider": "vapi", **body})
    found = await directory.find("desk", "here", {}, Party())
    assert isinstance(found, Enquiry)
    route = await found.ask(a_call())
    assert isinstance(route, Route)
    assert route.assistant_id == spare.id
    assert route.chosen == {"fallback": "assistant-not-valid"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # Postgres keeps its tables
async def test_a_store_that_fails_refuses_the_call_and_says_so(
    store: Store, directory: StoreDirectory
) -> None:
    await store._connections.write(lambda made: made.exec_driver_sql("drop table phone_numbers"))
    with pytest.raises(OutOfOrder, match="no such table"):
        await directory.find("desk", "here", {}, Party())


async def test_who_may_call_a_number_is_told_with_its_route(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    assistant = await store.assistants.create(script)
    login = {"username": "u" * 20, "password": "p" * 20, "realm": "mine"}
    for body in (
        {"provider": "vapi", "sipUri": "sip:open@here"},
        {"provider": "vapi", "sipUri": "sip:asked@here", "authentication": login},
        {"provider": "byo-phone-number", "number": "+4930111", "credentialId": "t"},
        {"provider": "byo-phone-number", "number": "+4930222"},
    ):
        await store.phone_numbers.create(body | {"assistantId": assistant.id})
    found = {user: await directory.find(user, "here", {}, Party()) for user in
             ("open", "asked", "+4930111", "+4930222")}  # fmt: skip
    assert {user: (r.public, r.trunk) for user, r in found.items() if r} == {
        "open": (True, ""),
        "asked": (True, ""),
        "+4930111": (False, "t"),
        "+4930222": (False, ""),
    }
    asked = found["asked"]
    assert asked
    assert asked.login == Login("u" * 20, "p" * 20, "mine")


async def test_a_rule_that_fits_the_caller_comes_before_the_assistant(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    ann = await store.assistants.create({**script, "name": "Ann"})
    bob = await store.assistants.create({**script, "name": "Bob"})
    rule = {"name": "abroad", "when": {"callers": ["+1*"]}, "assistantId": bob.id}
    await store.phone_numbers.create(
        {"provider": "vapi", "sipUri": "sip:desk@here", "assistantId": ann.id, "routing": [rule]}
    )
    for caller, name in (("+15550100", "Bob"), ("+4930123", "Ann")):
        route = await directory.find("desk", "here", {}, Party(number=caller))
        assert isinstance(route, Route)
        assert route.brief.name == name
        assert route.chosen == ({"rule": "abroad"} if name == "Bob" else {})


async def test_which_of_several_shares_was_drawn_goes_with_the_route(
    store: Store, directory: StoreDirectory, script: dict[str, Any]
) -> None:
    ann = await store.assistants.create({**script, "name": "Ann"})
    bob = await store.assistants.create({**script, "name": "Bob"})
    shares = [
        {"assistantId": ann.id, "weight": 2, "name": "A"},
        {"assistantId": bob.id, "weight": 3, "name": "B"},
    ]
    number = {"provider": "vapi", "sipUri": "sip:desk@here", "routing": [{"shares": shares}]}
    await store.phone_numbers.create(number)
    route = await directory.find("desk", "here", {}, Party())
    assert isinstance(route, Route)
    weight = {"A": 2, "B": 3}[route.chosen["share"]]
    assert route.chosen == {"rule": 1, "share": route.brief.name[0], "weight": weight, "of": 5}
