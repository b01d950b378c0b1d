"""Nothing but health, metrics and documentation is shown without the key."""

import stat
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from gateway.api.keys import load_key
from gateway.api.settings import ApiSettings
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"Authorization": ""}, "Missing key"),
        ({"Authorization": "Bearer "}, "Missing key"),
        ({"Authorization": "Basic the-key"}, "Missing key"),
        ({"Authorization": "Bearer the-kez"}, "Invalid key"),
        ({"Authorization": "Bearer the-key2"}, "Invalid key"),
    ],
)
@pytest.mark.parametrize("path", ["/assistant", "/phone-number", "/call", "/call/x/mono-recording"])
async def test_without_the_key_there_is_a_401_in_the_documented_shape(
    api: httpx.AsyncClient, path: str, header: dict[str, str], said: str
) -> None:
    answer = await api.get(path, headers=header)
    assert answer.status_code == 401
    assert said in answer.json()["message"]
    assert answer.json()["error"] == "Unauthorized"
    assert answer.json()["statusCode"] == 401


async def test_the_scheme_knows_no_case(api: httpx.AsyncClient) -> None:
    answer = await api.get("/assistant", headers={"Authorization": "bearer the-key"})
    assert answer.status_code == 200


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    key = load_key(ApiSettings(), tmp_path)
    assert len(key) >= 32
    assert load_key(ApiSettings(), tmp_path) == key
    assert stat.S_IMODE((tmp_path / "api.key").stat().st_mode) == 0o600


def test_a_configured_key_wins_and_makes_no_file(tmp_path: Path) -> None:
    assert load_key(ApiSettings(key=SecretStr("given")), tmp_path) == "given"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_key_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_API__KEY"):
        load_key(ApiSettings(key=SecretStr("")), tmp_path)
    (tmp_path / "api.key").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        load_key(ApiSettings(), tmp_path)


def test_a_state_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        load_key(ApiSettings(), tmp_path / "nowhere")
