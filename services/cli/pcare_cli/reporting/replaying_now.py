"""A replay that is made for the report, by the same command that makes one by itself."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import typer

from pcare_cli.replaying.command import Asked, run


@dataclass(frozen=True, slots=True)
class Now:
    """The options of a replay."""

    topics: tuple[str, ...]
    begin: tuple[str, ...]
    end: tuple[str, ...]
    aggregator: str | None
    group: str
    workers: int

    def replay(self, who: str | None, why: str | None) -> bytes:
        """Return the result's file. Ends the process where there is none; a difference is no reason to."""
        with tempfile.TemporaryDirectory(prefix="pcare-report-") as directory:
            file = Path(directory) / "replay.json"
            asked = Asked(
                topics=self.topics,
                begin=self.begin,
                end=self.end,
                aggregator=self.aggregator,
                group=self.group,
                workers=self.workers,
                json_file=file,
                who=who,
                why=why,
            )
            try:
                run(asked)
            except typer.Exit:
                if not file.exists():
                    raise
            return file.read_bytes()
