"""What the commands do: the system or a file is opened, the work is done, the outcome is shown and put down."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg
import typer

from pcare_audit.log_reading import LogUnreadableError
from pcare_audit.sealed.items import ExportError
from pcare_audit.sealed.verifying import Kept, Result
from pcare_audit.signed_note import NoteError, Verifier, Verifiers
from pcare_cli import audit_reading
from pcare_cli.console import fail, kafka_errors, kafka_options
from pcare_cli.desk.showing import safe
from pcare_cli.proving import exporting, outcome, proofs, verification
from pcare_cli.proving.display import Bar
from pcare_cli.proving.two_exports import NotTogetherError
from pcare_schemas.topics import CHECKPOINTS, RECORDED


class Log(NamedTuple):
    """The topics to read in place of the log's own."""

    recorded: str | None
    checkpoints: str | None

    def topics(self) -> verification.LogTopics:
        """Return where to read."""
        return verification.LogTopics(kafka_options(), self.recorded or RECORDED, self.checkpoints or CHECKPOINTS)


class Wanted(NamedTuple):
    """By which key to verify, against which kept checkpoints, and where the outcome goes beside the screen."""

    public_keys: Sequence[Path]
    kept: Sequence[Path]
    json: Path | None

    def asked(self) -> verification.Asked:
        """Read the files; ends the process where one cannot be read."""
        try:
            return verification.Asked(keys(self.public_keys), [Kept(str(file), _note_in(file)) for file in self.kept])
        except (OSError, UnicodeDecodeError) as error:
            fail(f"A checkpoint that was kept cannot be read: {error}.", status=2)


def keys(files: Sequence[Path]) -> Verifiers:
    """Read public keys; ends the process where one cannot be read."""
    try:
        return Verifiers([Verifier.load(file) for file in files])
    except NoteError as error:
        fail(str(error), status=2)


def _note_in(file: Path) -> str:
    """Read a kept checkpoint: psql, an editor or a mail adds an empty line to it, or takes its last newline away."""
    return file.read_text().rstrip("\n") + "\n"


def take_away(file: Path, log: Log, *, from_log: bool, who: str | None, why: str | None) -> None:
    """Write an export, of the log or of the database."""
    with Bar("Exporting") as bar, _errors(file):
        if from_log:
            leaves = asyncio.run(exporting.export_log(log.topics(), file, bar))
        else:
            leaves = audit_reading.read(lambda connection: exporting.export_database(connection, file, bar))
    if not from_log:
        audit_reading.put_down("audit-export", {"leaves": leaves}, who=who, why=why)
    typer.echo(f"{leaves:,} leaves are in {file}. `pcare audit verify {file} --public-key FILE.pub` verifies them.")


def verify_export(file: Path, wanted: Wanted, log: Path | None) -> None:
    """Verify a file; ends the process with 1 where it does not hold."""
    asked = wanted.asked()
    with Bar("Verifying") as bar, _errors(file):
        results = verification.verify_file(file, asked, bar, log)
    _end(results, wanted)


def verify_now(wanted: Wanted, log: Log, *, from_log: bool, with_log: bool, who: str | None, why: str | None) -> None:
    """Verify the system as it is; ends the process with 1 where it does not hold."""
    asked, topics = wanted.asked(), log.topics()
    with Bar("Verifying") as bar, _errors():
        if from_log:
            results = asyncio.run(verification.verify_log(topics, asked, bar))
        else:
            results = audit_reading.read(
                lambda connection: verification.verify_system(connection, topics, asked, bar, with_log=with_log)
            )
    if not from_log:
        newest = results[0].newest
        details = {
            "leaves": results[0].leaves,
            "checkpoint": None if newest is None else newest.size,
            "findings": sum(result.total for result in results),
        }
        audit_reading.put_down("audit-verify", details, who=who, why=why)
    _end(results, wanted)


def prove_event(event: tuple[str, str], size: int | None, out: Path, *, who: str | None, why: str | None) -> None:
    """Write the proof that an event is in a checkpoint."""
    _prove(lambda connection: proofs.of_event(connection, event, size), out, {"size": size}, who=who, why=why)


def prove_between(sizes: tuple[int, int], out: Path, *, who: str | None, why: str | None) -> None:
    """Write the proof that one checkpoint begins with another."""
    _prove(lambda connection: proofs.between(connection, *sizes), out, {"between": sizes}, who=who, why=why)


def check(file: Path, public_keys: Sequence[Path]) -> None:
    """Say what a proof shows; ends the process with 1 where it shows nothing."""
    opens = keys(public_keys)
    try:
        typer.echo(f"PROVEN: {safe(proofs.check(proofs.read(file), opens))}.")
    except proofs.ProofError as error:
        fail(f"NOT PROVEN: {safe(str(error))}")


def _prove(
    make: Callable[[asyncpg.Connection], Awaitable[proofs.Proof]],
    out: Path,
    details: dict[str, object],
    *,
    who: str | None,
    why: str | None,
) -> None:
    async def made(connection: asyncpg.Connection) -> proofs.Proof:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await make(connection)

    with _errors(out):
        proof = audit_reading.read(made)
        proofs.write(proof, out)
    audit_reading.put_down("audit-prove", details, who=who, why=why)
    typer.echo(f"The proof is in {out}. `pcare audit check-proof {out} --public-key FILE.pub` checks it.")


def _end(results: Sequence[Result], wanted: Wanted) -> None:
    if wanted.json is not None:
        with _errors(wanted.json):
            outcome.write(results, wanted.json)
    if not outcome.show(results):
        raise typer.Exit(1)


@contextmanager
def _errors(file: Path | None = None) -> Iterator[None]:
    """Turn what can go wrong into one line that says what to do."""
    try:
        with kafka_errors():
            yield
    except NotTogetherError as error:
        fail(safe(str(error)), status=2)
    except (ExportError, proofs.ProofError) as error:
        fail(safe(str(error)))
    except LogUnreadableError as error:
        fail(f"The log cannot be read to its end: {error}. Do the brokers run? Then try again.")
    except OSError as error:
        fail(f"{error.filename or file}: {error.strerror or error}.")
