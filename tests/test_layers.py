"""The architecture, as a test: who may import whom, and who may touch the world."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each package may import itself, the packages on its right and the ground. Nothing else of ours.
GROUND = {
    "gateway",
    "gateway.backoff",
    "gateway.errors",
    "gateway.fence",
    "gateway.fenced_http",
    "gateway.listed",
    "gateway.logs",
    "gateway.metrics",
    "gateway.reasons",
    "gateway.signatures",
    "gateway.systemd",
    "gateway.tasks",
}
LAYERS: dict[str, set[str]] = {
    "gateway_codecs": set(),
    "gateway.sdp": set(),
    "gateway.sip": set(),
    "gateway.rtp": set(),
    "gateway.media": {"gateway.rtp", "gateway_codecs"},
    "gateway.speech": set(),
    "gateway.agent": {"gateway.speech", "gateway.media"},
    "gateway.simulate": {"gateway.agent", "gateway.speech", "gateway.media", "gateway.rtp",
                         "gateway_codecs"},
    "gateway.store": set(),
    "gateway.archive": set(),
    "gateway.trunks": {"gateway.sip"},
    "gateway.calls": {"gateway.agent", "gateway.media", "gateway.rtp", "gateway.sip", "gateway.sdp",
                      "gateway.archive", "gateway.store", "gateway.trunks", "gateway_codecs"},
    "gateway.api": {"gateway.archive", "gateway.calls", "gateway.agent", "gateway.speech",
                    "gateway.store",
                    "gateway.trunks"},
    "gateway.probe": {"gateway.sip"},
    "gateway.telemetry": {"gateway.agent", "gateway.calls"},
}  # fmt: skip

# Only these may import asyncio, sockets or the clock. Everything else is given `now`.
# A name ending in a dot admits a whole package.
WORLDLY: tuple[str, ...] = (
    "gateway.main",
    "gateway.systemd",
    "gateway.gauges",
    "gateway.leftovers",
    "gateway.fenced_http",
    "gateway.signals",
    "gateway.tasks",
    "gateway.telephony",
    "gateway.accounts",
    "gateway.telemetry.otlp",
    "gateway.cli.",
    "gateway.sip.endpoint",
    "gateway.sip.observer",
    "gateway.sip.own_address",
    "gateway.sip.resolver",
    "gateway.sip.stream",
    "gateway.sip.tls",
    "gateway.sip.transport_stream",
    "gateway.sip.transport_udp",
    "gateway.sip.wires",
    "gateway.media.channel",
    "gateway.media.loop",
    "gateway.media.ring",
    "gateway.media.sockets",
    "gateway.media.clock",
    "gateway.media.process",
    "gateway.media.beaters",
    "gateway.media.plane",
    "gateway.media.child",
    "gateway.media.recordings",
    "gateway.media.recorder",
    "gateway.agent.child",
    "gateway.agent.extraction",
    "gateway.agent.process",
    "gateway.agent.pool",
    "gateway.agent.pipeline",
    "gateway.agent.renewal",
    "gateway.agent.tls_loop",
    "gateway.simulate.clock",
    "gateway.simulate.health",
    "gateway.simulate.hearing",
    "gateway.simulate.world",
    "gateway.speech.vendors.",
    "gateway.speech.driver",
    "gateway.speech.worker",
    "gateway.speech.local.",
    "gateway.speech.remembered",
    "gateway.speech.voice_http",
    "gateway.speech.voice_socket",
    "gateway.archive.archive",
    "gateway.archive.put",
    "gateway.calls.switchboard",
    "gateway.calls.background",
    "gateway.calls.consent",
    "gateway.calls.handover",
    "gateway.calls.waiting",
    "gateway.calls.watch",
    "gateway.calls.sip_leg",
    "gateway.calls.dialling",
    "gateway.calls.second_leg",
    "gateway.calls.transfer",
    "gateway.calls.forwarding",
    "gateway.calls.holding",
    "gateway.calls.texting",
    "gateway.calls.call",
    "gateway.calls.actions.",
    "gateway.store.",
    "gateway.api.",
    "gateway.probe.child",
    "gateway.probe.softphone",
    "gateway.probe.softphone_process",
    "gateway.probe.visit",
)
WORLD = {"asyncio", "socket", "time", "threading", "ssl", "selectors", "subprocess", "signal"}

FILES = sorted([*ROOT.glob("gateway/**/*.py"), *ROOT.glob("codecs/**/*.py")])


def module(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[1:] if parts[0] == "codecs" else parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: a relative import hides its layer"
            found |= {node.module}
    return found


def layer(name: str) -> str | None:
    return next((known for known in LAYERS if name == known or name.startswith(known + ".")), None)


def worldly(name: str) -> bool:
    return any(name == edge or (edge.endswith(".") and name.startswith(edge)) for edge in WORLDLY)


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_point_downwards(path: Path) -> None:
    here = layer(module(path))
    ours = {name for name in imports(path) if name.split(".")[0] in ("gateway", "gateway_codecs")}
    if here:
        strays = {n for n in ours if n not in GROUND and layer(n) not in {here, *LAYERS[here]}}
        assert not strays, f"{module(path)} reaches up or sideways: {sorted(strays)}"
    elif module(path) in GROUND:
        assert ours <= GROUND


@pytest.mark.parametrize("path", FILES, ids=module)
def test_only_the_edges_touch_the_world(path: Path) -> None:
    if not worldly(module(path)):
        assert not {name.split(".")[0] for name in imports(path)} & WORLD


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_file_outgrows_a_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
