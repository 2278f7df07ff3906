"""`pcare kpis`: the board in a terminal, and as JSON and CSV."""
