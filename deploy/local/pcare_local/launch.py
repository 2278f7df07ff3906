"""Become another program: one that dies with its parent, and, as root, under another user.

Run as a script by `processes.spawn`: `python launch.py '<json of Launch>' program argument ...`. It needs the
standard library alone, so that it starts in a few milliseconds.

- *Dies with its parent.* On Linux the kernel sends `death_signal` when the parent is gone, however it died. Other
  systems have nothing like it: there, a parent killed by SIGKILL leaves the program running, and the next start on the
  same data directory is refused by the program's own lock.
- *Another user.* PostgreSQL refuses to run as root. Where that user could not reach the paths in `reach` (a checkout
  below /root), the program gets the one capability that lets it pass directories: neither modes nor owners of parent
  folders are changed, and nothing is copied.
"""

import ctypes
import json
import os
import stat
import struct
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522

UNREACHABLE = (
    "This program must not run as root, and another user cannot reach its files: "
    "move the checkout out of /root, or work as an ordinary user."
)


def main() -> None:
    """Do what the first argument says, then run the rest in this process's place."""
    launch = json.loads(sys.argv[1])
    command = sys.argv[2:]
    if launch["user"] is not None:
        _drop_root(launch["user"], launch["group"], [Path(path) for path in launch["reach"]])
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        _libc().prctl(PR_SET_PDEATHSIG, launch["death_signal"], 0, 0, 0)
        if os.getppid() != launch["parent"]:
            sys.exit("The program that asked for this one is gone.")
    os.execvp(command[0], command)  # noqa: S606 - no shell on purpose: this process becomes the command


def _drop_root(user: int, group: int, reach: list[Path]) -> None:
    capability = None if all(reachable(path, user, group) for path in reach) else _capability_to_pass()
    os.setgroups([])
    os.setgid(group)
    if capability is None:
        os.setuid(user)
        return
    # Without the bit, access(2), by which PostgreSQL looks for its own programs, would disregard the capability.
    _require(_libc().prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    os.setuid(user)
    _keep_only(capability)


def reachable(path: Path, user: int, group: int) -> bool:
    """Tell whether `user` may pass every directory above `path`."""
    for directory in path.resolve().parents:
        status = directory.stat()
        bit = stat.S_IXUSR if status.st_uid == user else stat.S_IXGRP if status.st_gid == group else stat.S_IXOTH
        if not status.st_mode & bit:
            return False
    return True


def _capability_to_pass() -> int:
    permitted = int(_status_line("CapPrm"), 16)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):  # the weaker one first
        if permitted & (1 << capability):
            return capability
    raise SystemExit(UNREACHABLE)


def _status_line(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name + ":"))


def _keep_only(capability: int) -> None:
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    sets = struct.pack("=6I", mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; then the upper halves
    _require(_libc().capset(header, sets))
    _require(_libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _require(result: int) -> None:
    if result != 0:
        raise SystemExit(UNREACHABLE)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
