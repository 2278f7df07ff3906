"""Lets a person change an event in the editor of their choice."""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import msgspec


class EditorError(Exception):
    """The editor could not be used. The message says what to do."""


def edited(value: bytes) -> bytes:
    """Return what a person made of these bytes in $VISUAL or $EDITOR; the same bytes if nothing was changed.

    What is JSON is laid out over several lines first. The file is its owner's alone, and gone afterwards, also when the
    terminal is closed meanwhile.
    """
    laid_out = _laid_out(value)
    with _ended_in_order(), TemporaryDirectory(prefix="pcare-") as directory:
        file = Path(directory) / "event.json"
        file.write_bytes(laid_out)
        command = [*_editor(), str(file)]
        try:
            ended = subprocess.run(command, check=False)
        except OSError as error:
            raise EditorError(f"The editor {command[0]} cannot be started: set EDITOR, or use --file.") from error
        if ended.returncode != 0:
            raise EditorError(f"The editor ended with {ended.returncode}: nothing is sent.")
        changed = file.read_bytes()
    return value if changed == laid_out else changed


def _editor() -> list[str]:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        return shlex.split(named)
    except ValueError as error:
        raise EditorError(f"EDITOR is no command: {error}. Set it right, or use --file.") from error


def _laid_out(value: bytes) -> bytes:
    try:
        return msgspec.json.format(value, indent=2) + b"\n"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return value


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let signals that end the process unwind it first: an event must not stay behind in a file."""
    if threading.current_thread() is not threading.main_thread():  # only that one may say so
        yield
        return
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
