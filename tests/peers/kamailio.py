"""Kamailio as a peer: a proxy, a load balancer, a registrar before the gateway."""

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from tests.peers.child import Child, free_port, is_free

CONFIG = Path(__file__).with_suffix(".cfg")
START_S = 30.0


class Kamailio:
    """``async with Kamailio(folder, gateways=["127.0.0.1:5060"]) as proxy``; call ``proxy.uri``.

    One gateway: a proxy with Record-Route before it. Several: a dispatcher, which asks them by
    OPTIONS each second. With a ``password`` it is a registrar, and a proxy that wants the
    password for each call to one who is registered. ``certificate`` and ``key``: TLS too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        gateways: Sequence[str] = (),
        password: str = "",
        sha256: bool = False,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        # A unix socket's path is short, a test's folder is long.
        self._short = tempfile.TemporaryDirectory(prefix="kamailio-")
        self._control = f"unix:{self._short.name}/control"
        self.tls_port = free_port() if certificate else 0
        defines = {"CONTROL": self._control}
        flags = []
        if len(gateways) > 1:
            places = folder / "dispatcher.list"
            places.write_text("".join(f"1 sip:{gateway}\n" for gateway in gateways))
            flags, defines["LIST"] = ["WITH_DISPATCHER"], str(places)
        elif gateways:
            defines["GATEWAY"] = gateways[0]
        if password:
            flags += ["WITH_REGISTRAR"] + ["WITH_SHA256"] * sha256
            defines["PASSWORD"] = password
        listen = [f"udp:{self.address}", f"tcp:{self.address}"]
        if certificate:
            flags.append("WITH_TLS")
            defines |= {"CERTIFICATE": str(certificate), "PRIVATE_KEY": str(key)}
            listen.append(f"tls:127.0.0.1:{self.tls_port}")
        words = [word for flag in flags for word in ("-A", flag)]
        words += [word for name, value in defines.items() for word in ("-A", f'{name}="{value}"')]
        words += [word for place in listen for word in ("-l", place)]
        self._log = folder / "kamailio.log"
        self.child = Child(
            ["kamailio", "-DD", "-E", "-f", CONFIG, "-m", "32", "-M", "8", *words,
             "-P", folder / "kamailio.pid", "-Y", folder, "-w", folder],
            self._log,
            cwd=folder,
        )  # fmt: skip

    def uri(self, user: str, transport: str = "udp") -> str:
        port = self.tls_port if transport == "tls" else self.port
        params = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{user}@127.0.0.1:{port}{params}"

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        try:
            async with asyncio.timeout(START_S):
                # The control socket is the last thing to be there.
                while is_free(self.port) or not Path(self._control[5:]).exists():
                    assert self.child.runs, self.child.last_words()
                    await asyncio.sleep(0.02)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.stop()
        self._short.cleanup()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def count(self, word: str, method: str, source: str = "") -> int:
        """How many requests from there (or from anywhere: a caller by TCP has a port that nobody
        knows before) it SAW, RELAYED by their Route, or ACCEPTED the password of."""
        return len(re.findall(rf"{word} {method} from \w+:{re.escape(source)}", self.log()))

    async def until_count(
        self, word: str, method: str, source: str, count: int, within_s: float = 15.0
    ) -> None:
        try:
            async with asyncio.timeout(within_s):
                while self.count(word, method, source) < count:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not {word} {count} {method}\n{self.log()[-3000:]}") from None

    async def command(self, *words: str) -> str:
        """Ask it, as its operator does with kamcmd."""
        asking = await asyncio.create_subprocess_exec(
            "kamcmd", "-s", self._control, *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asking.communicate()
        return said.decode(errors="replace")

    async def registered(self) -> dict[str, list[str]]:
        """The users of the registrar, and where each is to be reached."""
        told = await self.command("ul.dump")
        found: dict[str, list[str]] = {}
        for what, value in re.findall(r"^\s*(AoR|Address): (\S+)", told, re.MULTILINE):
            if what == "AoR":
                places = found.setdefault(value, [])
            else:
                places.append(value)
        return found

    async def until_registered(self, users: set[str], within_s: float = 15.0) -> None:
        """Wait until these are registered, and no others."""
        await self._until(users, self.registered, within_s)

    async def alive(self) -> set[str]:
        """The gateways that the dispatcher gives calls to."""
        told = await self.command("dispatcher.list")
        pairs = re.findall(r"URI: sip:(\S+)\s+FLAGS: (\w)", told)
        return {address for address, flag in pairs if flag == "A"}

    async def until_alive(self, gateways: set[str], within_s: float = 15.0) -> None:
        """Wait until these are what it gives calls to, and no others."""
        await self._until(gateways, self.alive, within_s)

    async def _until(
        self, wanted: set[str], ask: Callable[[], Awaitable[Iterable[str]]], within_s: float
    ) -> None:
        found: set[str] = set()
        try:
            async with asyncio.timeout(within_s):
                while (found := set(await ask())) != wanted:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{found}, not {wanted}\n{self.log()[-3000:]}") from None
