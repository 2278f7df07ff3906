"""Puts postings together as their senders do: batches of several sizes, single events, one organisation at a time."""

from collections.abc import Iterable, Iterator
from random import Random

from pcare_cli.simulation.organisations import Organisation, Way
from pcare_cli.simulation.postings import Posting

Delivery = list[Posting]
"""What travels in one request, or one after the other to Kafka; all of one organisation."""


def deliveries(postings: Iterable[Posting], random: Random, largest: int) -> Iterator[Delivery]:
    """Yield the postings in deliveries of 1 to `largest`, each organisation's in its order."""
    waiting: dict[Organisation, Delivery] = {}
    size: dict[Organisation, int] = {}
    for one in postings:
        if one.alone and one.way is Way.HTTP:
            yield [one]
            continue
        held = waiting.setdefault(one.organisation, [])
        held.append(one)
        if len(held) >= size.setdefault(one.organisation, _size(random, largest)):
            yield waiting.pop(one.organisation)
            del size[one.organisation]
    yield from waiting.values()


def _size(random: Random, largest: int) -> int:
    return 1 if random.random() < 0.2 else random.randint(1, largest)
