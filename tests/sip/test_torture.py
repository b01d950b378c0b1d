"""The torture messages of RFC 4475 and RFC 5118, through the parser and the whole stack.

Where the RFC leaves a choice, the comment beside the outcome says which one is taken here.
"""

import random
from pathlib import Path

import pytest

from gateway.sip.challenger import Challenger
from gateway.sip.message import Request, Response, parse
from gateway.sip.session import Session
from gateway.sip.stack import Stack

VECTORS = Path(__file__).parent.parent / "vectors" / "sip"

OFFERED = "offered"  # an INVITE that reaches its owner, and is told 100
DROPPED = "dropped"

RFC4475: dict[str, int | str] = {
    # 3.1.1 valid messages
    "wsinv": 481,  # well-formed, within a dialog that is not here
    "intmeth": 501,
    "esc01": OFFERED,
    "escnull": 405,  # well-formed; there is no registrar here, as for every REGISTER below
    "esc02": 501,  # its method is not REGISTER
    "lwsdisp": 200,
    "longreq": OFFERED,
    "dblreq": 405,
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,  # well-formed; whether MESSAGE is taken is another matter
    "unreason": DROPPED,  # well-formed, but an answer to nothing
    "noreason": DROPPED,  # the same
    # 3.1.2 invalid messages
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": DROPPED,
    "quotbal": 400,
    "ltgtruri": OFFERED,  # liberal: the brackets are ignored
    "lwsruri": 400,
    "lwsstart": OFFERED,  # liberal: extra spaces are ignored
    "trws": 200,  # the same
    "escruri": 400,
    "baddate": OFFERED,  # liberal: nobody needs the Date
    "regbadct": 400,
    "badaspec": 200,  # liberal: spaces within <> are ignored
    "baddn": 200,  # liberal: what stands before < is the name
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,  # or 501
    "bigcode": DROPPED,
    # 3.2 transactions
    "badbranch": 200,
    # 3.3 application
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "multi01": 400,
    "mcl01": 400,
    "bcast": DROPPED,
    "zeromf": 200,  # it has arrived: no more hops are needed
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "sdp01": 406,
    "inv2543": OFFERED,
}

RFC5118: dict[str, int | str] = {
    "ipv6-good": 405,
    "ipv6-bad": 400,
    "port-ambiguous": 405,  # well-formed: 5070 is part of the address
    "port-unambiguous": 405,
    "via-received-param-with-delim": 481,
    "via-received-param-no-delim": 200,
    "ipv6-in-sdp": OFFERED,
    "mult-ip-in-header": 481,
    "mult-ip-in-sdp": OFFERED,
    "ipv4-mapped-ipv6": OFFERED,
    "ipv6-bug-abnf-3-colons": 200,  # to be tolerated, says the RFC
    "ipv6-correct-abnf-2-colons": 200,
}

CASES = [("rfc4475", *case) for case in RFC4475.items()] + [
    ("rfc5118", *case) for case in RFC5118.items()
]


def read(folder: str, name: str) -> bytes:
    return (VECTORS / folder / f"{name}.dat").read_bytes()


@pytest.mark.parametrize("folder", ["rfc4475", "rfc5118"])
def test_every_message_is_in_the_table(folder: str) -> None:
    table = RFC4475 if folder == "rfc4475" else RFC5118
    assert {path.stem for path in (VECTORS / folder).glob("*.dat")} == set(table)


@pytest.mark.parametrize(("folder", "name", "outcome"), CASES, ids=lambda value: str(value))
def test_torture(folder: str, name: str, outcome: int | str) -> None:
    sessions: list[Session] = []
    stack = Stack(
        on_invite=sessions.append,
        sent_by=lambda *_: ("example.com", 5060),
        clock=lambda: 0.0,
        rng=random.Random(1),
    )
    stack.receive(read(folder, name), ("192.0.2.77", 5077), "udp", 0.0)
    stack.deliver()
    answers = [parse(sent.data) for sent in stack.outbox]
    assert all(isinstance(answer, Response) for answer in answers)
    statuses = [answer.status for answer in answers if isinstance(answer, Response)]
    assert statuses == {OFFERED: [100], DROPPED: []}.get(str(outcome), [outcome])
    assert len(sessions) == (outcome == OFFERED)
    assert {sent.destination[0] for sent in stack.outbox} <= {"192.0.2.77"}
    if outcome == DROPPED:
        assert [note.what for note in stack.events] == ["dropped"]


@pytest.mark.parametrize(
    ("folder", "name"), [(folder, name) for folder, name, _ in CASES if name != "bigcode"]
)
def test_what_was_read_is_written_and_read_again(folder: str, name: str) -> None:
    message = parse(read(folder, name))
    again = parse(bytes(message))
    assert again == message
    assert bytes(again) == bytes(message)


def test_values_are_what_the_rfc_says_they_are() -> None:
    def request(name: str, folder: str = "rfc4475") -> Request:
        message = parse(read(folder, name))
        assert isinstance(message, Request)
        message.check()
        return message

    wsinv = request("wsinv")
    assert (wsinv.max_forwards, wsinv.cseq.number, wsinv.to.tag) == (68, 9, "1918181833n")
    assert wsinv.from_.display == 'J Rosenberg \\"'
    assert wsinv.headers.get("Subject") == ""
    assert wsinv.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert [value.split("/")[-1].split()[1] for value in wsinv.headers.values("Via")] == [
        "192.0.2.2;branch=390skdjuw", "spindle.example.com", "192.168.255.111",
    ]  # fmt: skip
    intmeth = request("intmeth")
    assert intmeth.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert intmeth.from_.param("fromparam''~+*_!.-%") == "работающий"
    assert intmeth.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert request("esc01").user == "sips:user@example.com"
    assert request("esc02").headers.all("Contact") == [
        "<sip:alias1@host1.example.com>", "<sip:alias3@host3.example.com>",
    ]  # fmt: skip
    assert len(request("longreq").headers.values("Via")) == 34
    assert len(request("mpart01").body) == 553
    assert request("port-ambiguous", "rfc5118").uri.port is None
    assert request("port-unambiguous", "rfc5118").uri.port == 5070
    cparam = [request(name).contact for name in ("cparam01", "cparam02")]
    assert [c.param("unknownparam") for c in cparam if c] == ["", None]
    assert [c.uri.param("unknownparam") for c in cparam if c] == [None, ""]


def test_unknown_authorization_is_answered_with_a_challenge_that_is_known() -> None:
    """regaut01, where there is a registrar (section 3.3.7)."""
    message = parse(read("rfc4475", "regaut01"))
    assert isinstance(message, Request)
    verdict = Challenger(b"secret", "example.com").check(message, {}.get, 1.0)
    assert verdict.status == 401
    assert [name for name, _ in verdict.headers] == ["WWW-Authenticate"] * 2
    assert all(value.startswith("Digest ") for _, value in verdict.headers)
