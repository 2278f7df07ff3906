"""Mixes what is told with what goes wrong: mistakes, repeats, retractions, late events, and no order."""

import datetime as dt
from collections.abc import Sequence
from random import Random

from pcare_cli.simulation import faults
from pcare_cli.simulation.postings import Expected, Posting, as_text, posting
from pcare_cli.simulation.teller import Teller, Told

INVALID = 0.01
TWICE = 0.01
RETRACTED = 0.01
LATE = 0.05
LONGEST_LATE = dt.timedelta(days=365)
A_DAY = dt.timedelta(days=1)


def mixture(
    teller: Teller, random: Random, instants: Sequence[dt.datetime], *, with_faults: bool = True
) -> list[Posting]:
    """Return one posting for each of `instants`, shuffled, those that have to be last at the end.

    `instants` are when things happen, in order and none in the future. With faults, 1 % are wrong, 1 % are sent a
    second time, 1 % are retractions of others, and 5 % took place up to a year before. Every posting counts: repeats
    and retractions are among the number. A wrong one has the mistakes of `faults` in turn, so that enough of them
    show every reason code.
    """
    share = len(instants) if with_faults else 0
    wrong, twice, retracted = round(share * INVALID), round(share * TWICE), round(share * RETRACTED)
    told = [
        teller.tell(at, late_by=_lateness(random) if with_faults else dt.timedelta(0))
        for at in instants[: len(instants) - twice - retracted]
    ]
    spoilable, good = told[:wrong], told[wrong:]
    retractions = [faults.retraction(one, teller.new_id()) for one in random.sample(good, min(retracted, len(good)))]
    spoiler = faults.Spoiler(random, teller.new_id, good, retractions)
    postings = [posting(one) for one in good]
    postings += [_again(one, random) for one in random.sample(good, min(twice, len(good)))]
    postings += [posting(one) for one in retractions]
    postings += [spoiler.spoil(one) for one in spoilable]
    random.shuffle(postings)
    return sorted(postings, key=lambda one: one.last)  # stable: only what must be last moves


def _lateness(random: Random) -> dt.timedelta:
    return random.uniform(0, 1) * (LONGEST_LATE - A_DAY) + A_DAY if random.random() < LATE else dt.timedelta(0)


def _again(one: Told, random: Random) -> Posting:
    """Send an event a second time, in other bytes every other time: what counts is what it says."""
    return posting(one, value=as_text(one.document, spaced=random.random() < 0.5), expected=Expected.DUPLICATE)
