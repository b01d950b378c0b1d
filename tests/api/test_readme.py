"""What a reader copies from the pages works: configuration is read, requests are accepted."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import load

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = r"^```%s\n(.*?)^```"
REQUEST = re.compile(r"^curl [^\n]*?localhost:8080(/[\w-]+).*?-d '\s*(\{.*?\})'$", re.DOTALL | re.M)
CONFIGURATION = [
    (page, text)
    for page in PAGES
    for text in re.findall(BLOCK % "toml", page.read_text(), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(
    ("page", "text"), CONFIGURATION, ids=[page.name for page, _ in CONFIGURATION]
)
def test_the_configuration_of_a_page_is_read(page: Path, text: str, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(text)
    load(tmp_path / "gateway.toml")


async def test_the_requests_of_the_readme_are_accepted_in_their_order(
    api: httpx.AsyncClient,
) -> None:
    requests = REQUEST.findall((ROOT / "README.md").read_text())
    assert [path for path, _ in requests] == ["/assistant", "/phone-number", "/call"]
    made: dict[str, Any] = {}
    for path, body in requests:
        answer = await api.post(path, json=json.loads(body.replace("…", made.get("id", ""))))
        assert answer.status_code == 201, answer.text
        made = made or answer.json()


async def test_the_tool_of_the_readme_is_accepted(api: httpx.AsyncClient) -> None:
    (text,) = re.findall(BLOCK % "json", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    tool = json.loads(text)
    answer = await api.post("/tool", json=tool)
    assert answer.status_code == 201, answer.text
    assert tool.items() <= answer.json().items()


async def test_the_credential_of_the_page_on_trunks_is_accepted(api: httpx.AsyncClient) -> None:
    ((path, body),) = REQUEST.findall((ROOT / "docs/trunks.md").read_text())
    answer = await api.post(path, json=json.loads(body))
    assert (path, answer.status_code) == ("/credential", 201), answer.text
