"""Which codecs a peer is offered and answered with: by its trunk, and by the call."""

from dataclasses import replace

import pytest

from gateway.calls.manner import CODECS, USUAL, manner_of
from gateway.sdp import Description, Local, NoCommonCodec, make_answer, make_offer
from gateway.trunks.settings import TrunkSettings

HERE, THERE = Local("192.0.2.1", 4000), Local("192.0.2.2", 4000)


def _trunk(**settings: object) -> TrunkSettings:
    return TrunkSettings.model_validate({"addresses": ["192.0.2.9"], **settings})


def names(offer: Description) -> list[str]:
    extras = ("telephone-event", "CN")
    return [codec.name for codec in offer.media[0].codecs() if codec.name not in extras]


def test_a_trunks_list_is_what_is_offered_in_its_order() -> None:
    manner = manner_of(_trunk(codecs=["PCMA", "G722", "nonsense"]))
    assert names(make_offer(HERE, manner.codecs)) == ["PCMA", "G722"]
    assert names(make_offer(HERE, manner_of(None).codecs)) == [c.name for c in USUAL.codecs]


def test_the_peers_order_decides_among_those_of_the_trunk() -> None:
    manner = manner_of(_trunk(codecs=["PCMA", "PCMU"]))
    for first, second in (("PCMU", "PCMA"), ("PCMA", "PCMU")):
        offer = make_offer(THERE, [CODECS["G722"], CODECS[first], CODECS[second]])
        assert make_answer(offer, HERE, manner.codecs)[1].codec == first


def test_a_calls_own_list_takes_the_place_of_the_trunks() -> None:
    trunk = manner_of(_trunk(codecs=["PCMA"], dtmf="info", dtx=True))
    manner = trunk.preferring(["G722", "PCMU"])
    assert names(make_offer(HERE, manner.codecs)) == ["G722", "PCMU"]
    assert (manner.dtmf, manner.dtx) == ("info", True)
    assert trunk.preferring(()) is trunk
    assert trunk.preferring(["gone"]) is trunk


def test_a_trunk_without_a_codec_that_is_there_is_refused() -> None:
    with pytest.raises(LookupError, match="none of SILK is there"):
        manner_of(_trunk(codecs=["SILK"]))


@pytest.mark.parametrize(
    ("policy", "protocol", "refuses"),
    [("off", "RTP/AVP", False), ("optional", "RTP/AVP", False), ("required", "RTP/SAVP", True)],
)
def test_each_trunk_has_its_own_policy_of_encryption(
    policy: str, protocol: str, refuses: bool
) -> None:
    manner = manner_of(_trunk(srtp=policy))
    ours = replace(HERE, srtp=manner.srtp)
    assert make_offer(ours, manner.codecs).media[0].protocol == protocol
    clear = make_offer(THERE, manner.codecs)
    if refuses:
        with pytest.raises(NoCommonCodec, match="SRTP is required"):
            make_answer(clear, ours, manner.codecs)
    else:
        assert make_answer(clear, ours, manner.codecs)[1].key_out is None
