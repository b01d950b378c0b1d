"""The machine: processors, memory, limits, disk, clock."""

import ctypes
import os
import resource
import shutil
from pathlib import Path

from gateway.cli.checks import Finding
from gateway.config import Settings
from gateway.media.lines import size_of
from gateway.media.ring import Ring

MB, GB = 1 << 20, 1 << 30
PROCESS_MB = 150  # of memory, measured for a process of ours with its libraries
RECORDED = 16_000 * 2 * 2  # bytes of a second of recording: 16 kHz, 16 bits, stereo
FILES_APART = 256  # descriptors besides those of calls
FILES_A_CALL = 4  # RTP, RTCP, and what a call's vendors and recording hold
UDP_BUFFER = 208 * 1024  # bytes: Linux's own default, 1,000 SIP messages in a burst
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def processors(settings: Settings) -> Finding:
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        return Finding(
            "warn",
            "processors",
            "one core for sound and agents together",
            "give the machine a second core, or expect few calls",
        )
    return Finding("ok", "processors", f"{cores} cores")


def memory(settings: Settings, meminfo: Path = Path("/proc/meminfo")) -> Finding:
    free = next(
        int(line.split()[1]) * 1024
        for line in meminfo.read_text().splitlines()
        if line.startswith("MemAvailable")
    )
    agents = settings.agents.processes or max(len(os.sched_getaffinity(0)) - 1, 1)
    need = size_of(settings.media.capacity) + (agents + 3) * PROCESS_MB * MB
    what = f"{free / GB:.1f} GB free, about {need / GB:.1f} GB needed before the first call"
    if free < need:
        remedy = "lower [media] capacity or [agents] processes, or give the machine more memory"
        return Finding("fail", "memory", what, remedy)
    return Finding("ok", "memory", what)


def disk(settings: Settings) -> Finding:
    folder = settings.state_dir.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "fail",
            "disk",
            f"{there} may not be written by this user",
            "run as the user who owns it, or set state_dir (GATEWAY_STATE_DIR)",
        )
    free = shutil.disk_usage(there).free
    what = f"{free / GB:.1f} GB free for {folder}: {free // RECORDED // 3600} h of recordings"
    if free < GB // 4:
        return Finding("fail", "disk", what, "make room: a full disk loses recordings")
    if free < 5 * GB:
        return Finding("warn", "disk", what, "make room, or delete old calls (DELETE /call/{id})")
    return Finding("ok", "disk", what)


def open_files(settings: Settings) -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = settings.media.capacity * FILES_A_CALL + FILES_APART
    what = f"{soft} open files allowed, {need} needed for {settings.media.capacity} calls"
    if soft >= need or soft == resource.RLIM_INFINITY:
        return Finding("ok", "open files", what)
    remedy = f"`ulimit -n {need}`, or LimitNOFILE={need} in the unit, or a lower [media] capacity"
    return Finding("warn", "open files", what, remedy)


def realtime(settings: Settings) -> Finding:
    if not settings.media.realtime:
        return Finding("ok", "real time", "not asked for ([media] realtime = false)")
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return Finding(
            "warn",
            "real time",
            "the sound process will run at normal priority",
            "run as the systemd unit, or allow it: LimitRTPRIO=, `ulimit -r 50` or CAP_SYS_NICE",
        )
    os.sched_setscheduler(0, *before)
    return Finding("ok", "real time", "priority for the sound process is allowed")


def locked_memory(settings: Settings) -> Finding:
    if not settings.media.realtime:
        return Finding("ok", "locked memory", "not asked for ([media] realtime = false)")
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    need = size_of(settings.media.capacity) + PROCESS_MB * MB
    if os.geteuid() == 0 or soft == resource.RLIM_INFINITY or soft >= need:
        return Finding("ok", "locked memory", "the sound process may lock its memory")
    return Finding(
        "warn",
        "locked memory",
        f"{soft / MB:.0f} MB may be locked, about {need / MB:.0f} MB are wanted",
        "run as the systemd unit (LimitMEMLOCK=infinity), or `ulimit -l unlimited`",
    )


def packets(settings: Settings) -> Finding:
    if settings.media.io == "loop":
        return Finding("ok", "packets", 'one call of the kernel each ([media] io = "loop")')
    try:
        Ring(1).close()
    except OSError as error:
        return Finding(
            "warn",
            "packets",
            f"one call of the kernel each, for want of io_uring: {error}",
            "Linux 6.1 or later, with kernel.io_uring_disabled=0 and a seccomp filter that admits "
            'it (the systemd unit does); or be content and set [media] io = "loop"',
        )
    return Finding("ok", "packets", "all of a beat in one call of the kernel (io_uring)")


def clock(settings: Settings) -> Finding:
    buffer = ctypes.create_string_buffer(512)  # larger than any kernel's struct timex; all zero
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    if state == TIME_ERROR:
        return Finding(
            "warn",
            "clock",
            "not synchronised: times of calls may be wrong",
            "start a time service (systemd-timesyncd, chrony); in a container: on its host",
        )
    if state < 0:
        return Finding("ok", "clock", "cannot be asked here")
    return Finding("ok", "clock", "synchronised")


def udp_buffers(settings: Settings, net: Path = Path("/proc/sys/net/core")) -> Finding:
    try:
        sizes = {name: int((net / name).read_text()) for name in ("rmem_max", "wmem_max")}
    except OSError:
        return Finding("ok", "UDP buffers", "cannot be asked here")
    what = ", ".join(f"{name} {size // 1024} kB" for name, size in sizes.items())
    small = [name for name, size in sizes.items() if size < UDP_BUFFER]
    if small:
        remedy = "; ".join(f"sysctl -w net.core.{name}={UDP_BUFFER}" for name in small)
        return Finding("warn", "UDP buffers", what, remedy)
    return Finding("ok", "UDP buffers", what)


CHECKS = (
    processors, memory, locked_memory, disk, open_files, realtime, packets, clock, udp_buffers,
)  # fmt: skip
