"""The log to counts: the KPIs of personalised care, folded from the facts that the recorded events state."""
