"""`pcare audit explain`: the provenance of one number."""
