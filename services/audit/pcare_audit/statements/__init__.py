"""What a provider and the ICB reconcile with: what came in a time, and what became of it."""
