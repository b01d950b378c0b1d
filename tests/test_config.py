"""config/gateway.toml is the configuration's documentation: complete, and true of the code."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.config import Settings, load
from gateway.errors import ConfigError
from gateway.speech.settings import VendorSettings
from gateway.trunks.settings import GatewaySettings, TrunkSettings

FILE = Path(__file__).parent.parent / "config" / "gateway.toml"
TEXT = FILE.read_text()
GIVEN = tomllib.loads(TEXT)
# What the file leaves unset is shown as `# key = value`.
SHOWN = tomllib.loads(re.sub(r"^# (?=\w+ = |\[trunks)", "", TEXT, flags=re.MULTILINE))


@pytest.fixture(autouse=True)
def _only_the_file_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "DEEPGRAM_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def keys(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Section to its keys and their defaults; "" is the top."""
    plain = model.model_construct()
    sections: dict[str, dict[str, Any]] = {"": {}}
    for name in model.model_fields:
        value = getattr(plain, name)
        if isinstance(value, BaseModel):
            sections[name] = value.model_dump(mode="json")
        elif name not in ("vendors", "trunks"):
            sections[""][name] = str(value)
    return sections


@pytest.mark.parametrize(("section", "defaults"), keys(Settings).items())
def test_every_key_is_explained_with_its_default(section: str, defaults: dict[str, Any]) -> None:
    shown = SHOWN[section] if section else {k: v for k, v in SHOWN.items() if k in defaults}
    given = GIVEN.get(section, {}) if section else {k: GIVEN[k] for k in shown}
    assert set(shown) == set(defaults)
    assert given == {name: defaults[name] for name in given}
    unset = set(shown) - set(given)
    assert all(defaults[name] is None or name == "user_agent" for name in unset)


def test_each_vendor_shows_every_key() -> None:
    for name, section in SHOWN["vendors"].items():
        assert set(section) == set(VendorSettings.model_fields), name


def test_the_trunk_that_is_shown_has_every_key_and_could_be_used() -> None:
    shown = SHOWN["trunks"]["carrier"]
    fields = TrunkSettings.model_fields.items()
    assert set(shown) == {field.alias or name for name, field in fields}
    assert set(shown["gateways"][0]) == set(GatewaySettings.model_fields)
    TrunkSettings.model_validate(shown)
    defaults = TrunkSettings(addresses=["192.0.2.1"]).model_dump(mode="json", by_alias=True)
    examples = {"gateways", "addresses", "username", "password", "inbound_username", "caller",
                "inbound_password", "rewrite_in", "rewrite_out", "headers", "expose"}  # fmt: skip
    plain = {name: value for name, value in shown.items() if name not in examples}
    assert plain == {name: defaults[name] for name in plain}


def test_the_file_loads_as_the_defaults() -> None:
    assert load(FILE).model_dump(exclude={"vendors"}) == load(None).model_dump(exclude={"vendors"})


def test_every_key_has_a_reason_above_it() -> None:
    lines = TEXT.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(# )?\w+ = ", line):
            above = lines[number - 1]
            grouped = re.match(r"(# )?\w+ = ", above)
            assert above.startswith("# ") or grouped or "vendors" in above, line


def test_a_wrong_key_is_named_as_it_stands_in_the_file(tmp_path: Path) -> None:
    wrong = tmp_path / "gateway.toml"
    wrong.write_text("[sip]\nlissten = []\n[rtp]\ndscp = 99\n")
    with pytest.raises(ConfigError, match=r"(?s)\[rtp\] dscp.*99|\[sip\] lissten"):
        load(wrong)


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SIP__LISTEN", "udp:127.0.0.1:5090")
    monkeypatch.setenv("GATEWAY_RTP__PORTS", "30000-30100")
    settings = load(FILE)
    assert settings.rtp.ports == "30000-30100"
    assert settings.sip.listen == ["udp:127.0.0.1:5090"]


def test_a_section_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SERVICE_HOST", "10.0.0.1")  # Kubernetes's
    load(FILE)
    monkeypatch.setenv("GATEWAY_SPI__LISTEN", "udp:127.0.0.1:5090")
    with pytest.raises(ConfigError, match=r"GATEWAY_SPI__LISTEN: there is no section \[spi\]"):
        load(FILE)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("WEBHOOKS__URL", "notaurl", r"\[webhooks\] url .*must be an http or https URL"),
        ("WEBHOOKS__URL", "https:///hook", r"\[webhooks\] url .*must be an http or https URL"),
        ("WEBHOOKS__URL", "http://a:99999/", r"\[webhooks\] url .*[Pp]ort"),
        ("API__PUBLIC_URL", "voice.example.org", r"\[api\] public_url .*must be an http or https"),
        ("AGENTS__SMART_TURN", "/nonexistent", r"\[agents\] smart_turn .*there is no such file"),
    ],
)
def test_what_could_never_work_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", value)
    with pytest.raises(ConfigError, match=why) as refused:
        load(FILE)
    assert value in str(refused.value)


def test_a_model_without_what_runs_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = tmp_path / "smart-turn.onnx"
    model.touch()
    monkeypatch.setenv("GATEWAY_AGENTS__SMART_TURN", str(model))
    for found in (None, object()):
        monkeypatch.setattr("gateway.agent.settings.find_spec", lambda name, found=found: found)
        if found:
            assert load(FILE).agents.smart_turn == str(model)
        else:
            with pytest.raises(ConfigError, match='install the extra "turns"'):
                load(FILE)


def test_urls_of_the_operator_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("", "http://127.0.0.1:3000/hook", "https://user:pass@example.org", "http://[::1]/"):
        monkeypatch.setenv("GATEWAY_WEBHOOKS__URL", url)
        assert load(FILE).webhooks.url == url
