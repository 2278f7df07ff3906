"""`pcare providers kafka`: a provider writes to a topic of its own, and can do nothing else."""
