"""The passages of a file: its text, cut where its writer paused, each with its place."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import PurePath
from typing import Any

from gateway.errors import GatewayError

LONGEST = 900  # characters of a passage
MOST_TEXT = 5_000_000  # characters of a file; the rest is not looked at
MOST_OCTETS = 4 * MOST_TEXT  # of what has to be read as a whole: in memory it is ten times as large
MOST_MARKUP = 8_000_000  # of a DOCX, unfolded: 600 pages and more; half a minute to read at most


class Unreadable(GatewayError):
    """``str()`` says what the file is not."""


@dataclass(frozen=True)
class Passage:
    file: str
    place: str  # e.g. "page 2"; empty where a file has no such parts
    text: str

    @property
    def cited(self) -> str:
        return f"{self.file}, {self.place}" if self.place else self.file


Parts = Iterator[tuple[str, str]]  # place and text


def passages(name: str, octets: bytes) -> list[Passage]:
    """Raises Unreadable."""
    reader = _READERS.get(PurePath(name).suffix.lower(), _plain)
    found, room = [], MOST_TEXT
    try:
        for place, text in reader(octets):
            found += [Passage(name, place, piece) for piece in cut(text[:room])]
            room -= len(text)
            if room <= 0:
                break
    except Unreadable:
        raise
    except Exception as error:  # the readers of PDF and DOCX raise whatever they stumble over
        raise Unreadable(f"{name} cannot be read: {error or type(error).__name__}") from error
    if not found:
        raise Unreadable(f"{name} has no text in it")
    return found


def cut(text: str) -> Iterator[str]:
    """Paragraphs together, as many as fit; one that is too long at a word's end."""
    held = ""
    for paragraph in _paragraphs(text):
        if held and len(held) + len(paragraph) > LONGEST:
            yield held
            held = ""
        held = f"{held}\n{paragraph}".strip()
    if held:
        yield held


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.replace("\r\n", "\n").split("\n"):
        rest = paragraph.strip()
        while len(rest) > LONGEST:
            at = max(rest.rfind(". ", 0, LONGEST) + 1, rest.rfind(" ", LONGEST // 2, LONGEST))
            at = at if at > 0 else LONGEST
            yield rest[:at].strip()
            rest = rest[at:].strip()
        if rest:
            yield rest


def _plain(octets: bytes) -> Parts:
    if b"\0" in octets[:4096]:
        raise Unreadable("it is neither text, PDF nor DOCX")
    yield "", octets[:MOST_OCTETS].decode("utf-8-sig", errors="replace")


def _pdf(octets: bytes) -> Parts:
    from pypdf import PdfReader  # loaded when it is needed

    for number, page in enumerate(PdfReader(io.BytesIO(octets)).pages, 1):
        yield f"page {number}", page.extract_text()


def _docx(octets: bytes) -> Parts:
    from docx import Document  # loaded when it is needed

    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        unfolded = sum(member.file_size for member in packed.infolist() if _unfolds(member))
        _check_size(unfolded, MOST_MARKUP)
    document = Document(io.BytesIO(octets))
    lines = [paragraph.text for paragraph in document.paragraphs]
    for table in document.tables:
        lines += [" | ".join(cell.text for cell in row.cells) for row in table.rows]
    yield "", "\n".join(lines)


def _unfolds(member: zipfile.ZipInfo) -> bool:
    """Not a picture, which is as large in memory as it is in the file."""
    markup = member.filename.endswith((".xml", ".rels"))
    return markup or member.file_size > 2 * member.compress_size


def _check_size(octets: int, most: int) -> None:
    if octets > most:
        raise Unreadable(f"it has more than {most} bytes of text and markup: split it")


def _csv(octets: bytes) -> Parts:
    """Each row with its columns' names: alone, it would say nothing."""
    (_, text), *_ = _plain(octets)
    sample = text[:4096]
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(sample, ",;\t|")
    except csv.Error:
        dialect = csv.excel
    for number, row in enumerate(csv.DictReader(io.StringIO(text), dialect=dialect), 2):
        cells = (f"{n}: {v}" for n, v in row.items() if n and isinstance(v, str) and v.strip())
        yield f"row {number}", "; ".join(cells)


def _json(octets: bytes) -> Parts:
    _check_size(len(octets), MOST_OCTETS)
    found = json.loads(octets)
    parts: Iterable[tuple[Any, Any]] = [("", found)]
    if isinstance(found, dict | list):
        parts = found.items() if isinstance(found, dict) else enumerate(found, 1)
    for place, part in parts:
        yield str(place), part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data.strip())


def _html(octets: bytes) -> Parts:
    words = _Words()
    words.feed(octets[:MOST_OCTETS].decode(errors="replace"))
    yield "", "\n".join(filter(None, words.found))


_READERS: dict[str, Callable[[bytes], Parts]] = {
    ".pdf": _pdf,
    ".docx": _docx,
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".html": _html,
    ".htm": _html,
}
