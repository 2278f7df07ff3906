"""`pcare publish`: files of rows, as events."""
