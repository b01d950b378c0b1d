"""Recordings of calls that are over: encoded, put into a bucket, tidied away; and again, until it
succeeds, also after a restart: for each that is not finished a note lies beside it."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from prometheus_client import Counter, Gauge

from gateway.archive.bucket import Bucket, StorageError, Stored
from gateway.archive.formats import FORMS, PARTIES, path_of
from gateway.archive.settings import RecordingSettings
from gateway.errors import GatewayError
from gateway.metrics import REGISTRY
from gateway.tasks import Tasks

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 600.0
_ENCODERS = 1  # at once: they share the machine with the calls
_UPLOADS = 4

failures = Counter(
    "trunkline_recording_failures_total",
    "Times a recording could not be encoded or stored; it is tried again",
    registry=REGISTRY,
)
waiting = Gauge(
    "trunkline_recordings_waiting", "Recordings being encoded or stored", registry=REGISTRY
)


class EncodingError(GatewayError):
    """``str()`` is what the encoder said."""


@dataclass(frozen=True)
class Kept:
    """``recording`` is the stereo file below the state directory."""

    recording: str
    stored: Stored | None = None


@dataclass
class Job:
    """What its note says; ``recording`` is the stereo WAV file below the state directory."""

    call: str
    recording: str
    form: str


# The buckets that a call's recording is for, the best first.
Buckets = Callable[[str], Awaitable[list[Bucket]]]


class Archive:
    """``late`` is told of what was finished after ``keep`` had returned."""

    def __init__(
        self, settings: RecordingSettings, state_dir: Path, buckets: Buckets,
        late: Callable[[str, Kept], Awaitable[None]], retry_s: float = 5.0,
    ) -> None:  # fmt: skip
        self._settings, self._state_dir = settings, state_dir
        self._buckets, self._late = buckets, late
        self._retry_s = retry_s
        self._tasks = Tasks()
        self._encoders = asyncio.Semaphore(_ENCODERS)
        self._uploads = asyncio.Semaphore(_UPLOADS)

    def start(self) -> None:
        """Take up what was not finished."""
        for note in sorted((self._state_dir / "recordings").glob("*.todo")):
            try:
                job = Job(**json.loads(note.read_text()))
            except (ValueError, TypeError) as error:
                log.error("%s cannot be read, and is left alone: %s", note, error)
                continue
            self._tasks.start(self._finish(job), f"recording of {job.call}")

    async def close(self) -> None:
        """What is not finished is left for the next start."""
        await self._tasks.close()

    async def keep(self, call: str, recording: str, form: str | None) -> Kept | None:
        """Do with a recording what is to be done; None: that takes longer than the report of the
        call's end may wait, and goes on. ``form`` None is the operator's."""
        job = Job(call, recording, form or self._settings.format)
        if job.form == "wav" and not await self._anywhere(call):
            return Kept(recording)
        done: asyncio.Future[Kept | None] = asyncio.get_running_loop().create_future()
        self._tasks.start(self._begin(job, done), f"recording of {call}")
        await asyncio.wait([done], timeout=self._settings.wait_s)
        if done.done():
            return done.result()
        done.cancel()
        log.info("the recording is not in its place yet; the report of the call does not wait")
        return None

    async def _anywhere(self, call: str) -> bool:
        try:
            return bool(await self._buckets(call))
        except GatewayError:
            return True  # which is told, and tried again, with the rest

    async def _begin(self, job: Job, done: "asyncio.Future[Kept | None]") -> None:
        try:
            await asyncio.to_thread(self._note(job).write_text, json.dumps(asdict(job)))
        except OSError as error:
            log.error("a restart would forget to keep this recording: %s", error)
        await self._finish(job, done)

    async def _finish(self, job: Job, done: "asyncio.Future[Kept | None] | None" = None) -> None:
        kept, unneeded = await self._persist(job)
        if done and not done.cancelled():
            done.set_result(kept)
        elif kept:
            await self._late(job.call, kept)
        # Only now that it is told: whoever is killed before finds all of it again.
        await asyncio.to_thread(_delete, [*unneeded, self._note(job)])

    async def _persist(self, job: Job) -> tuple[Kept | None, list[Path]]:
        """Until it succeeds; no Kept: the recording is gone, its call was deleted."""
        wait_s = self._retry_s
        with waiting.track_inprogress():
            while True:
                try:
                    return await self._attempt(job)
                except FileNotFoundError:
                    log.warning("the recording of %s is gone, and cannot be stored", job.call)
                    return None, []
                except (GatewayError, OSError) as error:
                    failures.inc()
                    log.error(
                        "a recording waits to be kept: %s",
                        error,
                        extra={"of": job.call, "retry_s": wait_s},
                    )
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _attempt(self, job: Job) -> tuple[Kept, list[Path]]:
        """What there is now, and the files that may go."""
        wav, form = self._state_dir / job.recording, FORMS[job.form]
        stereo = wav.with_suffix(f".{form.suffix}")
        buckets = await self._buckets(job.call)
        files = {party: path_of(stereo, party) for party in PARTIES}
        made = {party: path for party, path in files.items() if path != wav}
        if (buckets or stereo != wav) and not await asyncio.to_thread(_there, made.values()):
            await self._encode(wav, job.form, made)
        stored = await self._store(buckets, job) if buckets else None
        if stored and not self._settings.keep_local:
            unneeded = [wav, *made.values()]
        else:  # a party's WAV file is made of the stereo one when it is asked for
            unneeded = list(made.values()) if stereo == wav else [wav]
        return Kept(str(stereo.relative_to(self._state_dir)), stored), unneeded

    async def _encode(self, wav: Path, form: str, files: dict[str, Path]) -> None:
        if not await asyncio.to_thread(wav.is_file):
            raise FileNotFoundError(wav)
        order = {"wav": str(wav), "form": form, "files": {p: str(f) for p, f in files.items()}}
        async with self._encoders:
            status, _, said = await _run("gateway.archive.encode", json.dumps(order))
        if status:
            last = (said.decode(errors="replace").strip().splitlines() or [""])[-1]
            raise EncodingError(f"the encoder ended with {status}: {last}")

    async def _store(self, buckets: list[Bucket], job: Job) -> Stored:
        form = FORMS[job.form]
        stereo = (self._state_dir / job.recording).with_suffix(f".{form.suffix}")
        files = {party: (str(path_of(stereo, party)), form.media_type) for party in PARTIES}
        refusals = []
        for bucket in buckets:
            order = {
                "bucket": asdict(bucket), "files": files, "link_s": self._settings.link_s
            }  # fmt: skip
            async with self._uploads:
                status, answer, _ = await _run("gateway.archive.put", given=json.dumps(order))
            found = json.loads(answer) if not status else {"refused": f"it ended with {status}"}
            if "stored" in found:
                return Stored.model_validate(found["stored"])
            if "gone" in found:
                raise FileNotFoundError(stereo)
            refusals.append(found["refused"])
        raise StorageError("; ".join(refusals))

    def _note(self, job: Job) -> Path:
        return (self._state_dir / job.recording).with_suffix(".todo")


def _there(paths: Iterable[Path]) -> bool:
    return all(path.is_file() for path in paths)


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


async def _run(module: str, *arguments: str, given: str = "") -> tuple[int | None, bytes, bytes]:
    """A process of ours: its status, and what it wrote to standard output and error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    try:
        out, error = await process.communicate(given.encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return process.returncode, out, error
