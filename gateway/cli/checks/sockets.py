"""Who has which port, read from /proc."""

from pathlib import Path

LISTEN = "0A"  # TCP's state in /proc/net/tcp
PROC = Path("/proc")


def taken(transport: str, proc: Path = PROC) -> dict[int, str]:
    """Local ports in use to the inode of one socket on each. For TCP, those listened on."""
    found = {}
    for name in (transport, f"{transport}6"):
        try:
            lines = (proc / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if transport == "udp" or words[3] == LISTEN:
                found[int(words[1].rpartition(":")[2], 16)] = words[9]
    return found


def owner(inode: str, proc: Path = PROC) -> str:
    """The process that has this socket open: number and command; empty if it may not be seen."""
    for process in (path for path in proc.iterdir() if path.name.isdigit()):
        try:
            if any(_leads_to(fd) == f"socket:[{inode}]" for fd in (process / "fd").iterdir()):
                words = (process / "cmdline").read_bytes().split(b"\0")
                return f"process {process.name} ({b' '.join(words).decode(errors='replace')[:80]})"
        except OSError:
            continue  # another user's, or gone meanwhile
    return ""


def _leads_to(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""  # closed meanwhile
