"""``trunkline models``: the list, fetching with a sum, and removing; nothing is left half done."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rich.progress import Progress, TaskID
from typer.testing import CliRunner

from gateway.cli import app, models
from gateway.speech.local.shelf import known


def archive(*files: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:bz2") as packed:
        for name in files:
            entry = tarfile.TarInfo(name)
            entry.size = 3
            packed.addfile(entry, io.BytesIO(b"abc"))
    return made.getvalue()


FILES = {"/amy.tar.bz2": archive("amy-low/tokens.txt", "amy-low/amy.onnx"),
         "/evil.tar.bz2": archive("../../escaped"), "/broken.tar.bz2": b"no archive"}  # fmt: skip
HALF = "/half.tar.bz2"  # whose connection breaks in the middle


@pytest.fixture
def web() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            half = self.path == HALF
            body = FILES.get("/amy.tar.bz2" if half else self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"") * (1 + half)))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path))


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["models", *words])


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").glob("*"))


def test_the_list_says_what_is_here_and_what_could_be(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "x.onnx").write_bytes(bytes(2_000_000))
    lines = run().output.splitlines()
    assert lines[0] == "here     mine  2 MB"
    assert len(lines) == 1 + len(known())
    assert all(line.startswith("to fetch ") for line in lines[1:])


def test_a_model_is_fetched_and_removed(tmp_path: Path, web: str) -> None:
    sum_ = hashlib.sha256(FILES["/amy.tar.bz2"]).hexdigest()
    result = run("fetch", "amy", "--url", f"{web}/amy.tar.bz2", "--sha256", sum_)
    assert result.exit_code == 0, result.output
    assert f"{sum_}  amy.tar.bz2" in result.output
    assert left(tmp_path) == ["amy"]
    names = {path.name for path in (tmp_path / "models" / "amy").iterdir()}
    assert names == {"tokens.txt", "amy.onnx", ".fetched.json"}
    assert "is there already" in run("fetch", "amy", "--url", f"{web}/amy.tar.bz2").output
    assert run("remove", "amy").exit_code == 0
    assert left(tmp_path) == []
    assert "there is no model amy" in run("remove", "amy").output


@pytest.mark.parametrize(
    ("file", "more", "said"),
    [
        ("amy.tar.bz2", ("--sha256", "0" * 64), "its SHA-256 is"),
        ("gone.tar.bz2", (), "HTTP status 404"),
        ("half.tar.bz2", (), "peer closed connection"),
        ("evil.tar.bz2", (), "cannot be unpacked"),
        ("broken.tar.bz2", (), "cannot be unpacked"),
    ],
)
def test_what_fails_leaves_nothing_behind(
    tmp_path: Path, web: str, file: str, more: tuple[str, ...], said: str
) -> None:
    result = run("fetch", "amy", "--url", f"{web}/{file}", *more)
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
    assert left(tmp_path) == []
    assert run("fetch", "amy", "--url", f"{web}/amy.tar.bz2").exit_code == 0


def test_what_a_killed_fetch_has_left_is_in_nobodys_way(tmp_path: Path, web: str) -> None:
    remains = tmp_path / "models" / ".amy" / "files"
    remains.mkdir(parents=True)
    (remains / "amy.tar.bz2").write_bytes(b"half of it")
    (remains / "other").mkdir()
    assert len(run().output.splitlines()) == len(known())
    assert run("fetch", "amy", "--url", f"{web}/amy.tar.bz2").exit_code == 0
    assert left(tmp_path) == ["amy"]


def test_a_bar_shows_how_much_of_a_file_has_come(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, list[tuple[int, int]]] = {}

    class Bar(Progress):
        def update(self, task_id: TaskID, **more: Any) -> None:
            super().update(task_id, **more)
            task = self.tasks[task_id]
            shown.setdefault(task.description, []).append((int(task.completed), task.total))

    monkeypatch.setattr(models, "Progress", Bar)
    assert run("fetch", "amy", "--url", f"{web}/amy.tar.bz2").exit_code == 0
    size = len(FILES["/amy.tar.bz2"])
    ((name, steps),) = shown.items()
    assert name == "amy.tar.bz2"
    assert steps == sorted(steps)
    assert steps[-1] == (size, size)


def test_a_name_that_is_not_known_is_said() -> None:
    assert "nothing-like-it is not in the list" in run("fetch", "nothing-like-it").output
