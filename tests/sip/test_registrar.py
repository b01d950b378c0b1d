"""Phones register with the gateway: digest, expiry, 423, several contacts, removal, NAT."""

import pytest
from pydantic import SecretStr

from gateway.calls.passports import Passports
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.message import Response
from gateway.sip.outside import outside
from gateway.sip.registrar import Registrar, RegistrarSettings
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from tests.sip.world import World

USERS = {"ann": SecretStr("wonder"), "ben": SecretStr("land")}


class Desk:
    """Alice's phone speaks to bob, who is the registrar."""

    def __init__(self, transport: str = "udp", **settings: object) -> None:
        self.world = World(transport=transport)
        stack = self.world.bob.stack
        passports = Passports(b"key", "here")
        self.book = Registrar(
            RegistrarSettings(enabled=True, users=USERS, **settings),
            lambda request, source: passports(request, self.book.passwords, "", self.world.now),
            stack,
        )
        stack.serves["REGISTER"] = self.book.requested
        self.cseq = 0

    def register(
        self, contact: str = "", *, user: str = "ann", password: str = "wonder", expires: str = "",
        aor: str = "", call_id: str = "one", cseq: int = 0,
    ) -> Response:  # fmt: skip
        """The final response, after a challenge that is answered."""
        stack, answers = self.world.alice.stack, []
        attempt = Authorizer(Credentials(user, password), stack.token).begin()
        challenge: Response | None = None
        while True:
            self.cseq += 1
            who = Uri.sip(aor or user, "here")
            request = outside(
                "REGISTER",
                "sip:here",
                who,
                who,
                call_id=call_id,
                tag=f"t{self.cseq}",
                cseq=cseq or self.cseq,
            )
            if contact:
                request.headers.add("Contact", contact)
            if expires:
                request.headers.add("Expires", expires)
            if challenge is not None and not attempt(request, challenge):
                return challenge
            stack.request(request, Hop(("192.0.2.2", 5060), self.world.alice.transport),
                          answers.append)  # fmt: skip
            self.world.run(self.world.now + 0.1)
            answer = answers.pop()
            if answer.status != 401:
                return answer
            challenge = answer


def test_a_phone_registers_is_found_and_forgotten_when_its_time_is_over() -> None:
    desk = Desk()
    answer = desk.register("<sip:ann@192.0.2.1:5060>", expires="600")
    assert answer.status == 200
    assert answer.headers.get("Contact") == "<sip:ann@192.0.2.1:5060>;expires=600"
    (binding,) = desk.book.find("ann")
    assert binding.hop == Hop(("192.0.2.1", 5060), "udp")
    assert desk.book.is_at("192.0.2.1")
    desk.world.run(desk.world.now + 601)
    assert not desk.book.find("ann")
    assert not desk.book.is_at("192.0.2.1")


def test_a_wrong_password_and_another_s_address_are_refused() -> None:
    desk = Desk()
    assert desk.register("<sip:ann@192.0.2.1>", password="guess").status == 401
    assert desk.register("<sip:ann@192.0.2.1>", user="nobody").status == 401
    assert desk.register("<sip:ann@192.0.2.1>", aor="ben").status == 403
    assert not desk.book.find("ann")
    assert not desk.book.find("ben")


def test_too_brief_is_told_how_long_and_too_long_is_cut() -> None:
    desk = Desk(least_s=60, most_s=600)
    brief = desk.register("<sip:ann@192.0.2.1>", expires="30")
    assert (brief.status, brief.headers.get("Min-Expires")) == (423, "60")
    long = desk.register("<sip:ann@192.0.2.1>;expires=99999")
    assert long.headers.get("Contact") == "<sip:ann@192.0.2.1>;expires=600"


def test_several_phones_a_query_and_removals() -> None:
    desk = Desk()
    desk.register("<sip:ann@192.0.2.1:1001>")
    desk.register("<sip:ann@192.0.2.1:1002>", call_id="two")
    answer = desk.register()  # no Contact: only a question
    assert len(answer.headers.all("Contact")) == 2
    desk.register("<sip:ann@192.0.2.1:1001>;expires=0")
    assert [b.contact for b in desk.book.find("ann")] == ["sip:ann@192.0.2.1:1002"]
    assert desk.register("*", expires="0").status == 200
    assert desk.book.find("ann") == []


def test_a_star_is_only_for_removal() -> None:
    desk = Desk()
    desk.register("<sip:ann@192.0.2.1>")
    assert desk.register("*").status == 400
    assert desk.book.find("ann")


def test_only_so_many_phones_of_one_user() -> None:
    desk = Desk(contacts=2)
    assert [desk.register(f"<sip:ann@192.0.2.1:{n}>").status for n in (1001, 1002, 1003)] == [
        200, 200, 403,
    ]  # fmt: skip


def test_a_late_copy_does_not_undo_what_is_newer() -> None:
    desk = Desk()
    desk.register("<sip:ann@192.0.2.1>", expires="600")
    late = desk.register("<sip:ann@192.0.2.1>", expires="0", cseq=1)
    assert late.status == 500
    assert desk.book.find("ann")


@pytest.mark.parametrize(
    ("transport", "contact"),
    [("udp", "<sip:ann@10.0.0.7:5060>"), ("tcp", "<sip:ann@192.0.2.1:9999;transport=tcp>")],
)
def test_a_phone_behind_a_nat_is_called_where_it_was_seen(transport: str, contact: str) -> None:
    desk = Desk(transport)
    desk.register(contact)
    (binding,) = desk.book.find("ann")
    assert binding.hop == Hop(("192.0.2.1", 5060), transport)
    session = desk.world.bob.stack.invite(binding.contact, sdp=b"offer", hop=binding.hop)
    desk.world.run(desk.world.now + 1)
    assert len(desk.world.alice.sessions) == 1
    assert desk.world.alice.sessions[0].request.target == binding.contact
    session.end()


def test_without_a_registrar_it_is_405() -> None:
    desk = Desk()
    desk.world.bob.stack.serves.clear()
    assert desk.register("<sip:ann@192.0.2.1>").status == 405


def test_a_contact_that_cannot_be_called_is_refused() -> None:
    assert Desk().register("<mailto:ann@example.org>").status == 400
