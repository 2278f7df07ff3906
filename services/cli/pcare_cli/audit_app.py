"""`pcare audit`: what an auditor asks of the whole system, a command a question."""

import typer

from pcare_cli.as_of.app import as_of
from pcare_cli.erasing.app import erase
from pcare_cli.explaining.app import explain
from pcare_cli.identifying.app import identifiers
from pcare_cli.proving.app import check_proof, export, key, prove, verify
from pcare_cli.replaying.app import replay
from pcare_cli.reporting.app import check_report, report
from pcare_cli.sealing.app import seal
from pcare_cli.statements.app import check_statement, statement
from pcare_cli.trail.app import trail
from pcare_cli.watch.commands import watch

app = typer.Typer(
    help="Ask the record itself: compare, explain, prove. Reads only, but for the audit trail.", no_args_is_help=True
)
app.command()(replay)
app.command()(report)
app.command("check-report")(check_report)
app.command("as-of")(as_of)
app.command()(explain)
app.command()(statement)
app.command("check-statement")(check_statement)
app.command()(verify)
app.command()(export)
app.command()(prove)
app.command("check-proof")(check_proof)
app.command()(trail)
app.command()(identifiers)
app.command()(erase)
app.command()(watch)
app.command()(seal)
app.add_typer(key, name="key")
