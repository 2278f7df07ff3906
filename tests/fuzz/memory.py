"""Whether memory is steady: samples of what a process holds, and how that grows in the second half of a run."""

from collections.abc import Sequence
from itertools import pairwise

import psutil

MEBIBYTE = 1024 * 1024
BEARABLE = 16.0
BEARABLE_SHARE = 0.10


def held(pid: int | None = None) -> float:
    """Return the resident memory of a process in MiB; of this one unless another is named."""
    return psutil.Process(pid).memory_info().rss / MEBIBYTE


def growth(samples: Sequence[float]) -> float:
    """Return by how much the second half of equally spaced samples grew, in MiB, by the line that fits it best."""
    half = list(samples[len(samples) // 2 :])
    if len(half) < 2:
        return 0.0
    middle, mean = (len(half) - 1) / 2, sum(half) / len(half)
    slope = sum((at - middle) * (value - mean) for at, value in enumerate(half))
    return slope / sum((at - middle) ** 2 for at in range(len(half))) * (len(half) - 1)


def is_steady(samples: Sequence[float]) -> bool:
    """Whether the second half grew by no more than what allocators do."""
    if len(samples) < 2:
        return True
    return growth(samples) <= max(BEARABLE, BEARABLE_SHARE * samples[len(samples) // 2])


def in_words(samples: Sequence[float]) -> str:
    """Say the first, the middle, the largest and the last sample, and the growth."""
    assert all(value >= 0 for pair in pairwise([*samples, 0.0]) for value in pair)
    return (
        f"{samples[0]:.0f}, {samples[len(samples) // 2]:.0f}, {samples[-1]:.0f} MiB at the beginning, middle and end, "
        f"{max(samples):.0f} at most; second half {growth(samples):+.1f} MiB"
    )
