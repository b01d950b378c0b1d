"""What the documentation names is there: files, headings, keys, metrics, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.api.tools import office
from gateway.api.tools.accounts import Service
from gateway.cli import app
from gateway.config import Settings
from gateway.speech.settings import VendorSettings
from gateway.trunks.settings import TrunkSettings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
KEY = re.compile(r"`\[([a-z.]+)\] ([a-z0-9_]+)`")
COMMAND = re.compile(r"(?:`|^)(?:\.venv/bin/)?trunkline ([a-z-]+)", re.MULTILINE)
METRIC = re.compile(r"\btrunkline_[a-z0-9_]+\b")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    waiting: list[tuple[str, type[BaseModel]]] = [("", Settings)]
    while waiting:
        name, model = waiting.pop()
        yield name, model
        for field, info in model.model_fields.items():
            kind = info.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                waiting.append((f"{name}.{field}".lstrip("."), kind))


KEYS = {name: set(model.model_fields) for name, model in sections()}
KEYS["vendors"] = set(VendorSettings.model_fields)
KEYS["trunks"] = {info.alias or name for name, info in TrunkSettings.model_fields.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_says_a_thing_twice(page: Path) -> None:
    """As a merge of two edits of one paragraph would."""
    chapters = re.findall(r"^## .*$", page.read_text(), re.MULTILINE)
    paragraphs = [text for text in page.read_text().split("\n\n") if len(text) > 200]
    for said in (chapters, paragraphs):
        assert len(said) == len(set(said)), [one for one in said if said.count(one) > 1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_key_and_command_is_there(page: Path) -> None:
    text = page.read_text()
    for section, key in KEY.findall(text):
        where = "vendors" if section.startswith("vendors.") else section
        assert key in KEYS[where], f"[{section}] {key}"
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    for name in COMMAND.findall(text):
        assert name in known, name


def test_every_metric_is_there() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    suffixes = ("_total", "_bucket", "_count", "_sum")
    for page in PAGES:
        for name in METRIC.findall(page.read_text()):
            plain = next((name.removesuffix(s) for s in suffixes if name.endswith(s)), name)
            short = plain.removeprefix("trunkline_").removeprefix("probe_")
            *_, last = short.split("_")  # of a family that is counted by what it is about
            family = f'"{last}"' in code and f"{short.removesuffix(last)}{{name}}" in code
            assert plain in code or name in code or f'"{short}"' in code or family, name


def test_every_service_of_a_tool_is_named_in_the_configuration() -> None:
    shown = (ROOT / "config" / "gateway.toml").read_text()
    for service in vars(office).values():
        if isinstance(service, Service):
            assert f"[vendors.{service.name}]" in shown
