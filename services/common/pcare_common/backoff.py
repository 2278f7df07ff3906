"""How long to wait before trying a dependency again."""

import random
from collections.abc import Iterator

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 5.0


def delays(first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> Iterator[float]:
    """Yield endless waits in seconds: doubling from `first` to `longest`, each shortened at random by up to half.

    The randomness keeps copies of a service from returning to a dependency in step.
    """
    ceiling = first
    while True:
        yield ceiling * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, guards nothing
        ceiling = min(ceiling * 2, longest)
