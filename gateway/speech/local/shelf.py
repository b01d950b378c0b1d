"""The folder of local models: what is there, what is known, fetching and removing."""

import contextlib
import hashlib
import json
import shutil
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway.errors import GatewayError

KNOWN = Path(__file__).parent / "known.toml"
FACTS = ".fetched.json"  # in a model's folder: where it came from, and its sums
ANSWER_S = 30.0

Progress = Callable[[str, int, int], None]  # what, bytes so far, bytes in all (0: not known)


class NotFetched(GatewayError):
    """``str()`` says what, why, and that nothing was left behind."""


@dataclass(frozen=True)
class Model:
    name: str
    purpose: str  # hearing or speaking
    provider: str
    what: str
    megabytes: int
    files: tuple[str, ...]
    sha256: str = ""


def known(path: Path = KNOWN) -> dict[str, Model]:
    entries = tomllib.loads(path.read_text())
    return {
        name: Model(
            name, entry["for"], entry["provider"], entry["what"], entry["megabytes"],
            tuple(entry["files"]), entry.get("sha256", ""),
        )
        for name, entry in entries.items()
    }  # fmt: skip


class Shelf:
    def __init__(self, folder: Path, transport: httpx.BaseTransport | None = None) -> None:
        self.folder = folder
        self._transport = transport

    def there(self) -> dict[str, int]:
        """Names of the models in the folder, and their bytes."""
        if not self.folder.is_dir():
            return {}
        return {
            path.name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            for path in sorted(self.folder.iterdir())
            if path.is_dir() and not path.name.startswith(".")
        }

    def remove(self, name: str) -> None:
        if name not in self.there():
            raise NotFetched(f"there is no model {name} in {self.folder}")
        shutil.rmtree(self.folder / name)

    def fetch(self, model: Model, sha256: str, progress: Progress) -> dict[str, str]:
        """The SHA-256 of each file that came. It is there whole, or not at all. Raises
        NotFetched."""
        place = self.folder / model.name
        if place.exists():
            raise NotFetched(f"{model.name} is there already: {place}")
        expected = sha256 or model.sha256
        with _workplace(self.folder / f".{model.name}") as folder:
            sums = {}
            for url in model.files:
                sums[Path(url).name] = self._download(url, folder / Path(url).name, progress)
            if expected and [expected] != list(sums.values()):
                raise NotFetched(
                    f"{model.name}: its SHA-256 is {', '.join(sums.values())}, not {expected}; "
                    "nothing was kept"
                )
            whole = _unpacked(folder)
            (whole / FACTS).write_text(json.dumps({"files": list(model.files), "sha256": sums}))
            whole.rename(place)
        return sums

    def _download(self, url: str, path: Path, progress: Progress) -> str:
        digest, size = hashlib.sha256(), 0
        try:
            with (
                httpx.Client(transport=self._transport, timeout=ANSWER_S) as http,
                http.stream("GET", url, follow_redirects=True) as answer,
                path.open("wb") as file,
            ):
                if answer.status_code != 200:
                    raise NotFetched(f"{url}: HTTP status {answer.status_code}")
                total = int(answer.headers.get("content-length") or 0)
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    progress(path.name, size, total)
        except httpx.HTTPError as error:
            raise NotFetched(f"{url}: {error or type(error).__name__}") from None
        except OSError as error:
            raise NotFetched(f"{path.parent}: {error.strerror or error}") from None
        if total and size != total:
            raise NotFetched(f"{url}: only {size} of {total} bytes came")
        return digest.hexdigest()


@contextlib.contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """Empty, even if a fetch that was killed has left something there; gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        (folder / "files").mkdir(parents=True)
        yield folder / "files"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpacked(folder: Path) -> Path:
    """The folder that holds the model: that of its files, or the one in the archive."""
    archives = list(_archives(folder))
    for archive in archives:
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")  # no links or paths that lead out
        except (tarfile.TarError, EOFError, OSError) as error:
            raise NotFetched(f"{archive.name} cannot be unpacked: {error}") from None
        archive.unlink()
    inner = [path for path in folder.iterdir() if path.is_dir()]
    return inner[0] if archives and len(inner) == 1 else folder


def _archives(folder: Path) -> Iterator[Path]:
    return folder.glob("*.tar.*")
