"""Keys that come by INFO, and bodies that only claim to be one."""

import pytest

from gateway.sip.events import InfoReceived
from gateway.sip.info_digits import INFO_BARE, INFO_RELAY, KEYS, NoKey, info_digit
from tests.sip.world import World, connected


def test_digits_come_by_info_in_both_forms() -> None:
    assert info_digit(INFO_RELAY, b"Signal=5\r\nDuration=160\r\n") == "5"
    assert info_digit(INFO_RELAY, b"Signal= d\r\n") == "D"
    assert info_digit(INFO_BARE, b"#\r\n") == "#"
    assert info_digit("text/plain", b"5") is None


def test_a_key_may_be_named_by_its_event() -> None:
    """As RFC 4733 numbers them."""
    found = [info_digit(INFO_RELAY, b"Signal=%d\r\n" % event) for event in range(16)]
    assert found == list(KEYS)


@pytest.mark.parametrize("flash", [b"Signal=16", b"Signal=!", b"signal=flash"])
def test_a_hook_flash_is_no_key_and_no_mistake(flash: bytes) -> None:
    assert info_digit(INFO_RELAY, flash) is None


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        (INFO_RELAY, b"Signal=hello\r\nDuration=160\r\n", "'hello'"),
        (INFO_RELAY, b"Signal=\r\nDuration=160\r\n", "''"),
        (INFO_RELAY, b"Duration=160", "no line Signal="),
        (INFO_RELAY, b"Signal=\xff", "not one of"),
        (INFO_BARE, b"12345", "'12345'"),
    ],
)
def test_what_claims_to_be_a_key_and_is_none_is_refused(kind: str, body: bytes, why: str) -> None:
    with pytest.raises(NoKey, match=why):
        info_digit(kind, body)
    world = World()
    ours, theirs = connected(world)
    ours.info(kind, body)
    world.run(2.0)
    statuses = [data.split(b"\r\n", 1)[0] for _, _, data in world.wire if b"INFO" in data]
    assert any(status.startswith(b"SIP/2.0 400 " + kind.encode()) for status in statuses)
    assert not world.bob.events(InfoReceived)
    assert theirs.up
