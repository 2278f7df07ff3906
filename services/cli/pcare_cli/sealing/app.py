"""`pcare audit seal`."""

from typing import Annotated

import typer


def seal(
    once: Annotated[bool, typer.Option("--once", help="Make a checkpoint now, publish it, and end.")] = False,
) -> None:
    """Seal what was recorded, again and again: hash it, sign the root, publish that. See docs/tamper-evidence.md."""
    from pcare_cli.sealing.process import main

    main(once=once)
