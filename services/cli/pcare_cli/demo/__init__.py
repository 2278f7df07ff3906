"""`pcare demo`: the whole system on this machine, as the same processes that production runs."""
