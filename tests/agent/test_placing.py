"""Where a call's model is, and what it is told: from the brief and the configuration."""

from typing import Any
from unittest.mock import Mock

import pytest
from pydantic import SecretStr

from gateway.agent.brief import Brief, Choice, VendorKey
from gateway.agent.messages import Start
from gateway.agent.vendors import Catalog, placed, told
from gateway.errors import VendorError
from gateway.speech import catalog
from gateway.speech.settings import VendorSettings

VARIABLES = {"call": {"id": "c1"}, "customer": {"number": "+49"}, "metadata": {"shop": 7}, "x": 1}


def start(thinking: Choice) -> Start:
    other = Choice(vendor="embedded")
    brief = Brief(hearing=other, thinking=thinking, speaking=other)
    return Start(call="c1", row=1, brief=brief, variables=VARIABLES)


def azure(base_url: str | None) -> VendorSettings:
    return VendorSettings(base_url=base_url, api_key=SecretStr("k"))


def test_a_region_is_a_part_of_the_url() -> None:
    settings = {"azure-openai": azure("https://mine-{region}.openai.azure.com/openai/v1/")}
    options: dict[str, Any] = {"region": "eastus", "temperature": 0}
    found = placed(settings, "azure-openai", options)
    assert found.base_url == "https://mine-eastus.openai.azure.com/openai/v1/"
    assert found.key == "k"
    assert options == {"temperature": 0}


def test_a_region_may_have_a_section_of_its_own() -> None:
    settings = {"azure-openai": azure("https://one/"), "azure-openai-eastus": azure("https://two/")}
    assert placed(settings, "azure-openai", {"region": "eastus"}).base_url == "https://two/"
    assert placed(settings, "azure-openai", {"region": "westus"}).base_url == "https://one/"


def test_a_region_that_is_nowhere_is_not_answered_from_elsewhere() -> None:
    choice = Choice(vendor="azure-openai", model="gpt-4.1", options={"region": "eastus"})
    with pytest.raises(VendorError, match=r"region eastus: set base_url in \[vendors.azure-openai"):
        Catalog({}, lambda used: None, lambda: 0.0).thinking(start(choice), choice)


def test_an_owner_s_key_opens_the_vendor_and_the_operator_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[VendorSettings] = []

    def thinking(vendor: str, model: str, options: Any, settings: VendorSettings, tag: str) -> Any:
        made.append(settings)
        return Mock()

    monkeypatch.setattr(catalog, "thinking", thinking)
    proxy = VendorSettings(base_url="http://proxy.test", api_key=SecretStr("operator"))
    regions = {"azure-openai-eastus": azure("https://operator.test")}
    vendors = Catalog({"openai": proxy, **regions}, lambda used: None, lambda: 0.0)
    resource = VendorKey(api_key="azure", base_url="https://mine.openai.azure.com/openai/v1")
    for choice, keys in (
        (Choice(vendor="openai"), {}),
        (Choice(vendor="openai"), {"openai": VendorKey(api_key="own")}),
        (Choice(vendor="groq"), {"openai": VendorKey(api_key="own")}),
        (Choice(vendor="azure-openai", options={"region": "eastus"}), {"azure-openai": resource}),
    ):
        begun = start(choice)
        brief = begun.brief.model_copy(update={"keys": keys})
        vendors.thinking(begun.model_copy(update={"brief": brief}), choice)
    assert [(settings.base_url, settings.key) for settings in made] == [
        ("http://proxy.test", "operator"), ("http://proxy.test", "own"), (None, ""),
        ("https://mine.openai.azure.com/openai/v1", "azure"),
    ]  # fmt: skip
    assert "own" not in repr(VendorKey(api_key="own"))


def test_an_assistant_may_be_more_patient_than_the_configuration() -> None:
    options = {"timeout_s": 20.0}
    assert placed({}, "custom-llm", options).timeout_s == 20.0
    assert placed({}, "custom-llm", {}).timeout_s == 10.0


@pytest.mark.parametrize(
    ("mode", "body"),
    [
        ({}, {"metadata": {"shop": 7}, "call": {"id": "c1"}, "customer": {"number": "+49"}}),
        ({"metadata": "destructured"},
         {"shop": 7, "call": {"id": "c1"}, "customer": {"number": "+49"}}),
        ({"metadata": "off"}, None),
    ],
)  # fmt: skip
def test_a_custom_model_is_told_of_the_call(mode: dict[str, Any], body: dict[str, Any]) -> None:
    choice = Choice(vendor="custom-llm", model="m", options={"url": "http://x", **mode})
    assert told(choice, VARIABLES).options.get("body") == body
    assert "metadata" not in told(choice, VARIABLES).options
    Catalog({}, lambda used: None, lambda: 0.0).thinking(start(choice), choice)


def test_the_first_turns_are_for_the_small_model_of_the_same_vendor() -> None:
    vendors = Catalog({}, lambda used: None, lambda: 0.0)
    choice = Choice(vendor="openai", model="gpt-5", options={"reasoning_effort": "high"})
    assert vendors.fast(start(choice)) == Choice(vendor="openai", model="gpt-4.1-nano")
    assert vendors.fast(start(Choice(vendor="openai", model="gpt-4.1-nano"))) is None
    assert vendors.fast(start(Choice(vendor="script"))) is None
