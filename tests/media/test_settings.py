"""What the operator may choose about sound."""

import pytest
from pydantic import ValidationError

from gateway.media.settings import MediaSettings, RtpSettings


@pytest.mark.parametrize(
    ("ports", "first", "pairs"),
    [("20000-29999", 20_000, 5000), ("20001-20004", 20_002, 1), ("20000 - 20002", 20_000, 1)],
)
def test_pairs_begin_even_and_stay_in_the_range(ports: str, first: int, pairs: int) -> None:
    found = RtpSettings(ports=ports).port_pairs
    assert (found[0], len(found)) == (first, pairs)


@pytest.mark.parametrize("ports", ["", "20000", "29999-20000", "1-9", "20001-20002", "a-b",
                                   "20000-70000"])  # fmt: skip
def test_a_range_that_cannot_be_used_is_refused(ports: str) -> None:
    with pytest.raises(ValidationError):
        RtpSettings(ports=ports)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="capcity"):
        MediaSettings(capcity=3)  # type: ignore[call-arg]
