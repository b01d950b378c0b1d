"""Files: uploaded whole, listed by purpose, gone when deleted."""

import errno
import os
from pathlib import Path

import httpx
import pytest

from gateway.api import files

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)


async def upload(api: httpx.AsyncClient, path: str = "/file", **data: str) -> httpx.Response:
    sent = {"file": ("menu.txt", b"soup 4", "text/plain")}
    return await api.post(path, files=sent, data=data)


@pytest.mark.parametrize("path", ["/file", "/file/upload"])
async def test_what_is_uploaded_is_read_back(
    api: httpx.AsyncClient, tmp_path: Path, path: str
) -> None:
    answer = await upload(api, path, purpose="assistant", metadata='{"a": 1}')
    assert answer.status_code == 201
    made = answer.json()
    assert made["object"] == "file"
    assert (made["originalName"], made["bytes"]) == ("menu.txt", 6)
    assert (made["mimetype"], made["metadata"]) == ("text/plain", {"a": 1})
    assert (await api.get(f"/file/{made['id']}")).json() == made
    assert (await api.get(made["url"])).content == b"soup 4"
    assert (await api.get("/file?purpose=assistant")).json() == [made]
    assert (await api.get("/file?purpose=knowledge-base-v2")).json() == []
    renamed = await api.patch(f"/file/{made['id']}", json={"name": "Menu"})
    assert (renamed.json()["name"], renamed.json()["originalName"]) == ("Menu", "menu.txt")
    assert (tmp_path / made["path"]).stat().st_mode & 0o777 == 0o600
    assert (await api.delete(f"/file/{made['id']}")).status_code == 200
    assert not (tmp_path / made["path"]).exists()
    assert (await api.get(made["url"])).status_code == 404


async def test_a_full_disk_is_told_and_keeps_no_half_of_a_file(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def chmod(path: Path, mode: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", chmod)  # as good a moment as any, after it was made
        answer = await upload(api)
    assert answer.status_code == 503
    assert answer.json()["message"].endswith("failed: No space left on device")
    assert answer.headers["Retry-After"] == "5"
    assert not list((tmp_path / "files").iterdir())
    assert (await api.get("/file")).json() == []
    assert (await upload(api)).status_code == 201


async def test_what_is_no_upload_is_refused_by_name(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for answer in (
        await api.post("/file", json={"file": "x"}),
        await api.post("/file", data={"file": "x"}),
        await api.post("/file", content=b"x", headers={"Content-Type": "multipart/form-data"}),
        await upload(api, purpose="fun"),
        await upload(api, metadata="[]"),
        await upload(api, metadata="{"),
    ):
        assert answer.status_code == 400, answer.text
    monkeypatch.setattr(files, "LARGEST", 100)
    assert (await upload(api)).status_code == 413
    assert not (tmp_path / "files").exists()
