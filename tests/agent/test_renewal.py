"""A vendor's key that ends within a call: main is asked for another, and its answer finds back."""

import socket
from unittest.mock import Mock

import pytest

from gateway.agent import renewal
from gateway.agent.brief import Choice, VendorKey
from gateway.agent.framing import Unframe, frame
from gateway.agent.messages import FROM_PROCESS, TO_PROCESS
from gateway.agent.process import Process
from gateway.agent.renewal import KeyWanted, NewKey, Renewals, RenewedThinking
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Delta, Message, Said
from tests.agent.stage import Clay, ClayThinking, say

WANTED = KeyWanted(call="c1", question=1, plan="p1", refused=True)
NEW = NewKey(call="c1", question=1, api_key="new", until=9.0)
OLD = VendorKey(api_key="old", plan="p1", until=100.0)
CHOICE = Choice(vendor="clay")
QUESTION = [Message("user", "When?")]


def test_question_and_answer_cross_the_wire() -> None:
    assert FROM_PROCESS.validate_json(*Unframe().feed(frame(WANTED))) == WANTED
    assert TO_PROCESS.validate_json(*Unframe().feed(frame(NEW))) == NEW


def test_a_process_hands_the_answer_to_its_vendors() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = Process(theirs, Mock())
        process._vendors = Mock()
        process._take(NEW)
        process._vendors.renewed.assert_called_once_with(NEW)


async def test_each_question_has_its_own_answer_and_a_late_one_is_nobodys() -> None:
    def tell(wanted: KeyWanted) -> None:
        key = f"{wanted.plan}-{wanted.question}"
        renewals.came(NEW.model_copy(update={"question": wanted.question, "api_key": key}))
        renewals.came(NEW.model_copy(update={"question": 7}))

    renewals = Renewals(tell)
    keys = [await renewals.renewed("c1", OLD, refused=False) for _ in range(2)]
    assert [key.api_key for key in keys if key] == ["p1-1", "p1-2"]
    assert [key.until for key in keys if key] == [9.0, 9.0]
    renewals.came(NEW)


async def test_without_an_answer_the_call_goes_on_with_the_key_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(renewal, "ANSWER_S", 0.01)
    asked: list[KeyWanted] = []
    renewals = Renewals(asked.append)

    async def renew(key: VendorKey, refused: bool) -> VendorKey | None:
        return await renewals.renewed("c1", key, refused)

    clay = Clay(replies=[say("It is noon."), say("Noon.")])
    model = RenewedThinking(OLD, lambda key: ClayThinking(clay, CHOICE), renew, lambda: 90.0)
    reply = [delta async for delta in model.reply(QUESTION, ())]
    assert "".join(delta.text for delta in reply if isinstance(delta, Said)) == "It is noon."
    assert [wanted.refused for wanted in asked] == [False]


@pytest.mark.parametrize(
    ("fault", "before"), [(Fault.OVERLOAD, []), (Fault.AUTH, say("It is")[:1])]
)
async def test_what_is_no_matter_of_keys_or_comes_in_mid_reply_is_not_asked_again(
    fault: Fault, before: list[Delta | Exception]
) -> None:
    async def renew(key: VendorKey, refused: bool) -> VendorKey | None:
        raise AssertionError("nobody has refused a key")

    clay = Clay(replies=[[*before, VendorError("clay", fault, "no")]])
    model = RenewedThinking(OLD, lambda key: ClayThinking(clay, CHOICE), renew, lambda: 0.0)
    with pytest.raises(VendorError) as failure:
        [_ async for _ in model.reply(QUESTION, ())]
    assert failure.value.fault is fault
