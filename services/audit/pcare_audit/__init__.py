"""Counts every KPI once more, from the log and the written rules alone, so that an error in the others shows."""
