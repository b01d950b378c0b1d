"""Transcribers by the names that an assistant gives them; an SDK is imported at first use."""

from gateway.speech.choosing import Options, read, unknown
from gateway.speech.contract import Hearing
from gateway.speech.settings import VendorSettings

VENDORS = ("deepgram", "embedded")


def hearing(
    vendor: str, model: str, options: Options, settings: VendorSettings, call_id: str
) -> Hearing:
    """A call's ear. ConfigError names an unknown vendor or a wrong option."""
    match vendor:
        case "deepgram":
            from gateway.speech.vendors import deepgram

            listen = read(deepgram.ListenOptions, options, vendor)
            return deepgram.DeepgramHearing(model, listen, settings, call_id)
        case "embedded":
            from gateway.speech.vendors import embedded

            return embedded.EmbeddedHearing(read(embedded.EarOptions, options, vendor), settings)
    raise unknown("hearing", vendor, VENDORS)
