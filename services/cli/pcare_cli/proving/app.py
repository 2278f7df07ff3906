"""`pcare audit key new`, `export`, `verify`, `prove` and `check-proof`."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli.operator_options import Who
from pcare_cli.operator_options import WhyIfAny as Why

key = typer.Typer(help="The key that signs what is sealed, or an auditor's statements.", no_args_is_help=True)

PublicKey = Annotated[
    list[Path],
    typer.Option("--public-key", metavar="FILE.pub", help="The log's public key; again for one that signed before it."),
]
FromLog = Annotated[bool, typer.Option("--from-log", help="From Kafka alone; no database is asked.")]
Topic = Annotated[str | None, typer.Option(help="A copy of interventions.recorded to read in its place.")]
Checkpoints = Annotated[str | None, typer.Option(help="A copy of interventions.checkpoints to read in its place.")]


@key.command("new")
def key_new(
    file: Annotated[Path, typer.Argument(help="Where the private key goes. Its directory must be there.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is; of the sealer: PCARE_SEAL_NAME.")],
) -> None:
    """Make an Ed25519 key: FILE, which only its owner can read, and FILE.pub, which everybody may have."""
    from pcare_cli.proving.keys import new

    new(file, name)


def export(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet, such as record.ndjson.gz.")],
    *,
    from_log: FromLog = False,
    topic: Topic = None,
    checkpoints: Checkpoints = None,
    who: Who = None,
    why: Why = None,
) -> None:
    """Take away everything that a verification needs: what was recorded, the leaves and the signed checkpoints."""
    from pcare_cli.proving.commands import Log, take_away

    take_away(file, Log(topic, checkpoints), from_log=from_log, who=who, why=why)


def verify(
    file: Annotated[Path | None, typer.Argument(help="An export. Without one the system itself is verified.")] = None,
    *,
    public_key: PublicKey,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(metavar="NOTE", help="A checkpoint that you kept. May be given again.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="An export of the log, to compare an export with.")] = None,
    from_log: FromLog = False,
    with_log: Annotated[bool, typer.Option(help="Hold the log against the database's leaves too.")] = True,
    topic: Topic = None,
    checkpoints: Checkpoints = None,
    json: Annotated[Path | None, typer.Option(help="Also write what was found to this file.")] = None,
    who: Who = None,
    why: Why = None,
) -> None:
    """Prove that nothing that was sealed was altered, reordered or removed, or say what was. Exit 1 if anything was.

    With a file it needs that and the public key, and nothing else.
    """
    from pcare_cli.console import fail
    from pcare_cli.proving.commands import Log, Wanted, verify_export, verify_now

    wanted = Wanted(public_key, checkpoint or (), json)
    if file is not None:
        if from_log or topic or checkpoints:
            fail("An export is verified by itself: leave out --from-log, --topic and --checkpoints.", status=2)
        verify_export(file, wanted, log)
    elif log is not None:
        fail("--log is compared with an export: give that too.", status=2)
    else:
        verify_now(wanted, Log(topic, checkpoints), from_log=from_log, with_log=with_log, who=who, why=why)


def prove(
    *,
    event: Annotated[
        tuple[str, str] | None, typer.Option(metavar="SOURCE ID", help="Prove that this event was sealed.")
    ] = None,
    between: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="SIZE SIZE", help="Prove that one checkpoint begins with the other."),
    ] = None,
    size: Annotated[int | None, typer.Option(help="In the checkpoint of so many leaves; default the newest.")] = None,
    out: Annotated[Path, typer.Option(help="Where the proof goes.")],
    who: Who = None,
    why: Why = None,
) -> None:
    """Make a proof of a few kilobytes, which anybody can check who has the public key."""
    from pcare_cli.console import fail
    from pcare_cli.proving.commands import prove_between, prove_event

    if (event is None) == (between is None):
        fail("Say what to prove: --event SOURCE ID, or --between SIZE SIZE.", status=2)
    if event is not None:
        prove_event(event, size, out, who=who, why=why)
    elif between is not None:
        prove_between(between, out, who=who, why=why)


def check_proof(
    file: Annotated[Path, typer.Argument(help="A proof of `pcare audit prove`.")], *, public_key: PublicKey
) -> None:
    """Check a proof, by the public key alone. Exit 1 if it proves nothing."""
    from pcare_cli.proving.commands import check

    check(file, public_key)
