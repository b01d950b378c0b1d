"""The query tool: what files say about a question, and where."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.tool_briefs import tool_briefs
from gateway.api.tools import passages as passages_module
from gateway.api.tools.index import Index, terms
from gateway.api.tools.passages import LONGEST, Passage, Unreadable, cut, passages
from gateway.api.tools.query import Queries
from gateway.calls.ports import ToolReply
from gateway.store import Store
from tests.api.errands import run
from tests.api.hooks import wire


def a_pdf(*pages: str) -> bytes:
    """The smallest that a reader takes: a page for each text."""
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    font = "<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    parts = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>"]
    for n, text in enumerate(pages):
        stream = f"BT /F 12 Tf 72 720 Td ({text}) Tj ET"
        parts.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources{font}"
            f"/Contents {4 + 2 * n} 0 R>>"
        )
        parts.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for n, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{n} 0 obj{part}endobj\n".encode()
    table = "".join(f"{at:010} 00000 n \n" for at in places)
    end = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}trailer"
    tail = f"{end}<</Size {len(parts) + 1}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF"
    return out + tail.encode()


def a_docx() -> bytes:
    document = Document()
    document.add_paragraph("We deliver to Potsdam on Tuesdays.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Fee", "4 euros"
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "octets", "found"),
    [
        ("a.txt", b"Open at nine.\n\nClosed Monday.", [("", "Open at nine.\nClosed Monday.")]),
        ("a.md", b"\xef\xbb\xbf# Hours\r\nNine", [("", "# Hours\nNine")]),
        ("a.pdf", a_pdf("Soups", "Cakes"), [("page 1", "Soups"), ("page 2", "Cakes")]),
        ("a.docx", a_docx(), [("", "We deliver to Potsdam on Tuesdays.\nFee | 4 euros")]),
        ("a.csv", b"dish;price\nsoup;4\ncake;3\n", [("row 2", "dish: soup; price: 4"),
                                                    ("row 3", "dish: cake; price: 3")]),
        ("a.json", b'{"hours": "nine", "days": [1]}', [("hours", "nine"), ("days", "[1]")]),
        ("a.html", b"<p>Nine</p><script>x()</script><b>to five</b>", [("", "Nine\nto five")]),
    ],
)  # fmt: skip
def test_every_kind_of_file_has_passages(name: str, octets: bytes, found: Any) -> None:
    assert [(p.place, p.text) for p in passages(name, octets)] == found


def test_what_unfolds_to_more_than_memory_can_take_is_not_unfolded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a picture in it nothing unfolds."""
    most = 1_000_000
    monkeypatch.setattr(passages_module, "MOST_OCTETS", most)
    monkeypatch.setattr(passages_module, "MOST_MARKUP", most)
    bomb, picture = io.BytesIO(a_docx()), io.BytesIO(a_docx())
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/more.bin", bytes(most + 1))
    with zipfile.ZipFile(picture, "a", zipfile.ZIP_STORED) as packed:
        packed.writestr("word/media/image1.png", bytes(most + 1))
    assert len(bomb.getvalue()) < most
    for name, octets in (("a.docx", bomb.getvalue()), ("a.json", b"[%s0]" % (b"0," * most))):
        with pytest.raises(Unreadable, match="split it"):
            passages(name, octets)
    assert passages("a.docx", picture.getvalue())


@pytest.mark.parametrize(
    ("name", "octets"),
    [("a.pdf", b"%PDF-1.4 nonsense"), ("a.docx", b"PK"), ("a.bin", b"\0\1"), ("a.txt", b" "),
     ("a.json", b"{"), ("b.pdf", a_pdf("x")[:60])],
)  # fmt: skip
def test_what_cannot_be_read_says_so(name: str, octets: bytes) -> None:
    with pytest.raises(Unreadable):
        passages(name, octets)


@given(st.text(alphabet="ab. \n", max_size=4000))
def test_cutting_loses_no_word(text: str) -> None:
    pieces = list(cut(text))
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= LONGEST + 1 for piece in pieces)


def test_the_best_passage_comes_first() -> None:
    index = Index([
        Passage("f", "", text)
        for text in ("The café opens at nine.", "Cakes are baked on Fridays; cakes cost three.",
                     "We close on Mondays.", "面包每天早上烤。")
    ])  # fmt: skip
    assert [p.text for p in index.search("when is cake baked?", 1)] == [
        "Cakes are baked on Fridays; cakes cost three."
    ]
    assert index.search("CAFE", 5)[0].text == "The café opens at nine."
    assert index.search("早上", 5)[0].text == "面包每天早上烤。"
    assert index.search("zebra", 5) == []
    assert terms("Mondays über") == ["monday", "uber"]
    assert Index([]).search("x", 5) == []


async def ask(
    store: Store, folder: Path, bases: list[dict[str, Any]], **arguments: Any
) -> ToolReply:
    to = wire()
    tool = {"type": "query", "function": {"name": "look"}, "knowledgeBases": bases}
    worker = Queries(store, lambda file_id: folder / file_id)
    reply = await run(tool, arguments, to, {"query": worker})
    await to.close()
    return reply


def a_base(name: str, *ids: str) -> dict[str, Any]:
    about = f"what we know of {name}"
    return {"provider": "google", "name": name, "description": about, "fileIds": list(ids)}


async def keep(store: Store, folder: Path, name: str, octets: bytes) -> str:
    stored = await store.files.create({"originalName": name, "name": name})
    (folder / stored.id).write_bytes(octets)
    return stored.id


async def test_the_model_is_given_passages_with_their_source(store: Store, tmp_path: Path) -> None:
    menu = await keep(store, tmp_path, "menu.pdf", a_pdf("Soup of lentils", "Cake of apples"))
    hours = await keep(store, tmp_path, "hours.json", json.dumps({"Sunday": "closed"}).encode())
    bases = [a_base("menu", menu), a_base("hours", hours)]
    reply = await ask(store, tmp_path, bases, query="Which cakes are there?")
    assert (reply.ok, reply.content) == (True, "[1] menu.pdf, page 2:\nCake of apples")
    reply = await ask(store, tmp_path, bases, query="cake", knowledgeBase="hours")
    assert (reply.ok, reply.content) == (True, "Nothing in the files is about that.")
    (brief,) = tool_briefs({"tools": [{"type": "query", "knowledgeBases": bases}]})
    assert brief.parameters["properties"]["knowledgeBase"]["enum"] == ["menu", "hours"]
    assert "what we know of menu" in brief.description


async def test_files_that_are_not_there_are_sentences(store: Store, tmp_path: Path) -> None:
    strange = await store.of("another").files.create({"originalName": "x.txt", "name": "x"})
    bad = await keep(store, tmp_path, "bad.pdf", b"nonsense")
    gone = (await store.files.create({"originalName": "gone.txt", "name": "x"})).id
    for base, said in (
        (a_base("x", strange.id), f"there is no file {strange.id}"),
        (a_base("x"), "have no fileIds"),
        (a_base("x", bad), "bad.pdf cannot be read"),
        (a_base("x", gone), "the content of gone.txt has been deleted"),
    ):
        reply = await ask(store, tmp_path, [base], query="x")
        assert not reply.ok
        assert said in reply.content
    good = await keep(store, tmp_path, "good.txt", b"Lentils.")
    reply = await ask(store, tmp_path, [a_base("x", bad, good)], query="lentil")
    assert reply.content == "[1] good.txt:\nLentils."
    assert "'query' is empty" in (await ask(store, tmp_path, [a_base("x", good)])).content
