"""The integrator's afternoon, played against a running system: every way in, every refusal, and what follows."""
