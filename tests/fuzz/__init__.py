"""Bad input, in bulk: deterministic mutants of the examples, thrown at the checks, at ingest and at the topics."""
