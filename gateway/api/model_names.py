"""The names of OpenAI's models that the API takes: the documented, and the operator's own."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.api.shapes import admit
from gateway.speech.settings import VendorSettings

CLOUD = "api.openai.com"


def admit_models(vendors: Mapping[str, VendorSettings]) -> None:
    """By ``[vendors.openai]``: the names of its ``models``, and any at all if ``base_url`` is
    another server, whose names nobody has published. Once, before a request is checked."""
    operator = vendors.get("openai", VendorSettings())
    elsewhere = operator.base_url and urlsplit(operator.base_url).hostname != CLOUD
    admit("OpenAiModelName", None if elsewhere else operator.models)
