"""`pcare kpis`: the board as a table."""

import httpx
from rich.console import Console

from pcare_cli.console import fail
from pcare_cli.demo.board import kpi_table


def show_kpis(address: str) -> None:
    """Ask a kpi-aggregator and print its KPIs; ends with status 1 and one line if it does not answer."""
    try:
        answer = httpx.get(f"{address}/kpis", timeout=10.0, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        fail(f"No KPIs from {address}: {type(error).__name__}. Name a kpi-aggregator that runs with --address.")
    document = answer.json()
    console = Console(highlight=False)
    console.print(kpi_table(document["kpis"]))
    console.print(f"As of {document['instant']}" + ("" if document["complete"] else ", still counting from the log"))
