"""Who holds a port, as far as /proc tells: for the operator whose port is taken."""

from contextlib import suppress
from pathlib import Path


def holder(transport: str, port: int) -> str:
    """The name and id of a process bound to this local port, or "" if it cannot be found."""
    inodes = _inodes(transport, port)
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        if inodes.intersection(_open_files(process)):
            with suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _open_files(process: Path) -> list[str]:
    """What its descriptors point to, as far as we may look and they do not go meanwhile."""
    found = []
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                found.append(str(link.readlink()))
    return found


def _inodes(transport: str, port: int) -> set[str]:
    """The sockets bound to the port, as /proc/PID/fd names them."""
    found = set()
    for table in (transport, f"{transport}6"):
        try:
            rows = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            cells = row.split()
            listening = transport == "udp" or cells[3] == "0A"  # TCP_LISTEN
            if listening and int(cells[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{cells[9]}]")
    return found
