"""The life of the daemon on one page. Birth order is death order, turned around."""

import asyncio
import gc
import logging
import os
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from gateway import leftovers, logs, systemd
from gateway.accounts import accountants
from gateway.agent.pool import Agents
from gateway.api.buckets import Buckets
from gateway.api.gateway_api import Api
from gateway.api.health import Readiness
from gateway.api.keys import FILE as KEY_FILE
from gateway.api.model_names import admit_models
from gateway.banner import banner
from gateway.calls.keeping import Keeping
from gateway.calls.orphans import end_orphans
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord
from gateway.calls.retention import forget, papers_kept
from gateway.calls.routes import Routes
from gateway.calls.switchboard import Switchboard
from gateway.claim import claimed
from gateway.config import Settings
from gateway.demo import defaults, demo_route
from gateway.errors import ConfigError
from gateway.gauges import Gauges
from gateway.keeper import keeper_in
from gateway.media.plane import Plane
from gateway.metrics import REGISTRY
from gateway.signals import Signals
from gateway.sip.ports import holder
from gateway.store import Store, StoreError
from gateway.store.settings import StoreSettings
from gateway.store.vault import vault_in
from gateway.tasks import Tasks
from gateway.telephony import Telephony

log = logging.getLogger(__name__)

FORGET_S = 3600.0  # between two looks for what is too old
STALE_S = 1.0  # a beat takes 20 ms; after this long without one, sound has stopped


async def run(settings: Settings) -> int:
    """Run until told to leave; the exit status. Raises ConfigError if it cannot start so."""
    logs.configure(settings.log)
    signals = Signals()
    before = leftovers.descriptors()
    async with AsyncExitStack() as life:
        await _live(settings, signals, life)
    clean = leftovers.check(before)
    signals.close()
    return 0 if clean else 1


async def _live(settings: Settings, signals: Signals, life: AsyncExitStack) -> None:
    """Bring every part up, each able to do its work before the next needs it; then wait."""
    state_dir = _state_dir(settings)
    life.enter_context(claimed(state_dir))
    store = Store(settings.store.url_in(state_dir), vault=vault_in(state_dir))
    await store.start()
    life.push_async_callback(store.close)
    keeper = None if store.private else keeper_in(state_dir)
    await end_orphans(store, keeper)

    wakes = [_eventfd(life) for _ in range(settings.agents.count)]
    plane = Plane(settings.media, settings.rtp, wakes)
    life.push_async_callback(plane.close)
    await plane.start()
    agents = Agents(
        settings.agents, wakes, plane.lines.fd, plane.capacity, settings.vendors, settings.log,
        settings.fence.allowed,
    )  # fmt: skip
    life.push_async_callback(agents.close)
    await agents.start()

    admit_models(settings.vendors)
    telephony = Telephony(settings, lambda session: switchboard.offered(session))
    api = Api(
        settings.api, state_dir, store, defaults(settings.vendors, settings.api.default_model),
        telephony.trunks, settings.webhooks, settings.fence.fence, settings.vendors,
        settings.telemetry.on, settings.tools,
    )  # fmt: skip
    life.push_async_callback(api.close)
    demo = demo_route(settings.vendors) if settings.calls.demo else None

    def save(record: CallRecord, papers: Papers) -> None:
        record.keeper = keeper or ""
        store.calls.save(record.kept(), papers_kept(record, papers))

    buckets = Buckets(store, settings.recording.own_bucket)
    keeping = Keeping(settings.recording, state_dir, store, buckets.of)
    life.push_async_callback(keeping.archive.close)
    keeping.archive.start()
    accounts = accountants(settings, life)
    switchboard = Switchboard(
        settings.calls,
        Routes(api.directory, demo),
        plane,
        agents,
        api.tools,
        save,
        state_dir,
        telephony.doors,
        keeping.keep,
        behind_nat=bool(settings.sip.public_address),
        fence=settings.fence.fence,
    )
    switchboard.listeners += accounts
    endpoint = switchboard.endpoint = telephony.endpoint
    life.push_async_callback(telephony.close)
    await telephony.start()
    life.push_async_callback(telephony.leave)
    life.push_async_callback(switchboard.close)

    def readiness() -> dict[str, str]:
        """What /health/ready says of each part."""
        age_s = time.monotonic() - float(plane.lines["beats_at"][: plane.processes].min())
        return {
            "calls": "draining" if switchboard.draining else "ok",
            "media": "ok" if age_s < STALE_S else f"no beat for {age_s:.1f} s",
        }

    life.push_async_callback(api.stop)
    switchboard.waiting.remake, switchboard.waiting.settled = api.remake, store.calls.settle
    await switchboard.waiting.recover(store, keeper)
    await api.start(switchboard, readiness, holder)
    gauges = Gauges(plane, agents)
    REGISTRY.register(gauges)
    life.callback(REGISTRY.unregister, gauges)
    tasks = Tasks()
    life.push_async_callback(tasks.close)
    tasks.start(_watchdog(readiness), "watchdog")
    tasks.start(_retention(settings.store, store, state_dir), "retention")

    print(  # noqa: T201 (for the person at the terminal, whatever the log's form)
        banner(
            host=endpoint.local_address_for("192.0.2.1"),
            sip_port=endpoint.ports[0].port,
            api_url=f"http://localhost:{api.port}",
            key=api.key,
            key_file=None if settings.api.key else state_dir / KEY_FILE,
            demo=settings.calls.demo,
        ),
        flush=True,
    )
    # What was loaded stays: a full collection over it takes longer than setting a call up.
    gc.collect()
    gc.freeze()
    # And what calls bring is looked at seldom: at 800 calls a second (transactions stay for 32 s)
    # full collections by Python's own measure made the p99 of INVITE to 200 three times as long.
    gc.set_threshold(20_000, 20, 50)
    systemd.ready("taking calls")
    await _until_told(settings, signals, switchboard)


async def _until_told(settings: Settings, signals: Signals, switchboard: Switchboard) -> None:
    """Wait for the signal to leave; let live calls finish, unless told to leave at once."""
    await signals.leave.wait()
    systemd.stopping("draining")
    waits = [
        asyncio.create_task(switchboard.drain(), name="drain"),
        asyncio.create_task(signals.now.wait(), name="told to leave now"),
    ]
    await asyncio.wait(waits, timeout=settings.calls.drain_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    if switchboard.calls:
        log.warning("leaving with %d live calls, which end now", len(switchboard.calls))


async def _watchdog(readiness: Readiness) -> None:
    """Tell systemd that we live for as long as the beat does: without sound we are dead."""
    every_s = systemd.watchdog_s()
    while every_s:
        if readiness()["media"] == "ok":
            systemd.alive()
        await asyncio.sleep(every_s)


async def _retention(settings: StoreSettings, store: Store, state_dir: Path) -> None:
    """Delete, again and again, what has been kept for long enough."""
    while True:
        try:
            await forget(
                store,
                state_dir,
                datetime.now(UTC),
                sound_days=settings.recordings_days,
                words_days=settings.transcripts_days,
            )
        except StoreError as error:
            log.error("retention waits: %s", error)
        await asyncio.sleep(FORGET_S)


def _eventfd(life: AsyncExitStack) -> int:
    """Raised by media to wake one agent process."""
    descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    life.callback(os.close, descriptor)
    return descriptor


def _state_dir(settings: Settings) -> Path:
    """The state directory, made if need be, open to its owner only. Raises ConfigError."""
    path = settings.state_dir.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / "recordings").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"state_dir (or GATEWAY_STATE_DIR) {path} cannot be made: {error.strerror}"
        ) from None
    return path
