import pytest

from gateway.calls.strangers import Strangers
from gateway.errors import NoRoom


def test_who_has_not_shown_where_it_is_has_a_part_of_the_lines_only() -> None:
    strangers = Strangers(lines=16)
    for n in range(4):
        strangers.check()
        strangers.add(f"call {n}")
    with pytest.raises(NoRoom, match="4 callers"):
        strangers.check()
    strangers.gone("call 2")
    strangers.gone("call 2")
    strangers.gone("never seen")
    strangers.check()


def test_on_the_smallest_gateway_there_is_room_for_one() -> None:
    strangers = Strangers(lines=1)
    strangers.check()
    strangers.add("call")
    with pytest.raises(NoRoom):
        strangers.check()
