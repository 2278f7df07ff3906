"""Small files beside a local cluster's data: what it is called, how many brokers it has, what a program is told."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path


def cluster_id(directory: Path) -> str:
    """Return the cluster's id of a data directory, chosen at first: 16 random bytes in URL-safe base 64."""
    file = directory / "cluster.id"
    if not file.exists():
        # An id may not begin with a dash: the storage tool would take it for an option.
        file.write_text("p" + urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")[1:])
    return file.read_text().strip()


def fix_broker_count(directory: Path, brokers: int) -> None:
    """Remember for how many brokers the data are. Raises ValueError where they are for another number."""
    file = directory / "brokers"
    if not file.exists():
        file.write_text(str(brokers))
    made_for = int(file.read_text())
    if made_for != brokers:
        raise ValueError(
            f"{directory} holds the data of {made_for} brokers, {brokers} were asked for: use another directory."
        )


def arguments_for_java(words: Sequence[str]) -> str:
    """Return a file of arguments for `java @file`: a word a line, each as it is."""
    return "".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for word in words)
