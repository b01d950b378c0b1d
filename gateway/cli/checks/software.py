"""Libraries, and the vendors that this gateway is to use."""

import importlib
import sys
from collections.abc import Iterator

import httpx

from gateway.cli.checks import Finding
from gateway.config import Settings
from gateway_codecs import available, opus

LIBRARIES = ("numpy", "uvloop", "webrtcvad", "soxr", "espeakng_loader", "pocketsphinx", "openai")
REACH_S = 5.0

# Where each vendor says whether a key is good, and how it wants to be shown it.
KEY_CHECKS = {
    "openai": ("https://api.openai.com/v1", "/models", "Bearer"),
    "deepgram": ("https://api.deepgram.com", "/v1/projects", "Token"),
}


def libraries(settings: Settings) -> Finding:
    missing = []
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:
            missing.append(f"{name} ({error})")
    version = sys.version.split()[0]
    if missing:
        what = f"Python {version}; cannot be loaded: {', '.join(missing)}"
        return Finding("fail", "libraries", what, "`make setup` installs them")
    return Finding("ok", "libraries", f"Python {version} and all {len(LIBRARIES)} that matter")


def codecs(settings: Settings) -> Finding:
    names = ", ".join(dict.fromkeys(codec.name for codec in available()))
    if not opus.available():
        what = f"{names}; no libopus, so Opus is neither offered nor taken"
        return Finding("warn", "codecs", what, "apt-get install libopus0")
    return Finding("ok", "codecs", names)


def vendors(settings: Settings, transport: httpx.BaseTransport | None = None) -> Iterator[Finding]:
    for name, (cloud, path, scheme) in KEY_CHECKS.items():
        vendor = settings.vendors.get(name)
        if vendor is None or not vendor.key:
            remedy = f"for its models: {name.upper()}_API_KEY, or [vendors.{name}] api_key"
            yield Finding("ok", name, f"no key: not used ({remedy})")
            continue
        url = (vendor.base_url or cloud).rstrip("/")
        headers = {"Authorization": f"{scheme} {vendor.key}"}
        with httpx.Client(timeout=REACH_S, transport=transport) as client:
            try:
                answer = client.get(url + path, headers=headers)
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
                remedy = f"check the network, or [vendors.{name}] base_url"
                yield Finding("fail", name, f"{url} does not answer: {why}", remedy)
                continue
        if answer.status_code in (401, 403):
            what = f"{url} refuses the key ({answer.status_code})"
            yield Finding("fail", name, what, f"a valid [vendors.{name}] api_key")
        elif answer.status_code >= 500:
            what = f"{url} answers {answer.status_code}"
            yield Finding("warn", name, what, "wait: the vendor is in trouble")
        else:
            yield Finding("ok", name, f"{url} answers and takes the key")
