"""The contract with every provider: event models, code lists, checks, and the form of the log."""
