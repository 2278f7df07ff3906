"""`pcare publish`: what the command line takes. All else is imported when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli import console


def publish(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="CSV, NDJSON or XLSX, told by the name's end.")
    ] = None,
    *,
    template: Annotated[
        str | None, typer.Option(metavar="KIND", help="Print a CSV to begin with, and what its columns mean; then end.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="What kind of events the rows are, such as sp-referral.")] = None,
    source: Annotated[str | None, typer.Option(help="Whose: ODS code, slug or URI; default PCARE_SOURCE.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML that says which column is what.")] = None,
    address: Annotated[str | None, typer.Option(help="Base address of ingest; default PCARE_INGEST_URL.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Which sheet of a workbook; default the first.")] = None,
    encoding: Annotated[str | None, typer.Option(help="How a CSV is written, such as cp1252; default utf-8.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Default: what the line of names shows; `tab` is one.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Events a second; default as fast as it goes.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Have ingest check all rows; nothing is stored.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Check here, without a network.")] = False,
    afresh: Annotated[bool, typer.Option("--afresh", help="Send what was sent before too: it counts once.")] = False,
    ignore_columns: Annotated[
        bool, typer.Option("--ignore-columns", help="Pass over columns that mean nothing here.")
    ] = False,
    compress: Annotated[bool, typer.Option("--gzip", help="Send gzip: for slow lines.")] = False,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print each row's id, as a retraction needs it; then end.")
    ] = False,
) -> None:
    """Publish files of rows as events. Run it again after a break: it goes on, and nothing counts twice.

    Exit status: 0 all accepted, 1 some rejected (a report says which), 75 broken off (run it again), 2 a mistake in
    the command or the file, 78 ingest refuses who calls. Credentials come from the environment: see docs/files.md.
    """
    from pcare_cli.publishing.command import Options, publish_files, show_template

    if template is not None:
        show_template(template)
        return
    if not files:
        console.fail("Which files? Or --template KIND, for a file to begin with.", status=2)
    publish_files(
        files,
        Options(
            address=address,
            kind=kind,
            source=source,
            mapping=mapping,
            sheet=sheet,
            encoding=encoding,
            delimiter=delimiter,
            rate=rate,
            check=check,
            offline=offline,
            afresh=afresh,
            ignore=ignore_columns,
            compress=compress,
            ids=ids,
        ),
    )
