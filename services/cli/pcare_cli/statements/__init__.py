"""`pcare audit statement`: what came of a provider in a time, and what became of it, signed."""
