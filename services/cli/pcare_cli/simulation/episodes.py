"""What is open: referrals that can be closed, plans that can be reviewed or ended, budgets, courses, posts."""

import datetime as dt
from dataclasses import dataclass
from random import Random

from pcare_cli.simulation.organisations import Organisation
from pcare_cli.simulation.people import Person

MOST_OPEN = 5_000  # of each sort; beyond that a simulation that runs for days forgets an old one


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that was opened: by whom, for whom, under which reference and when."""

    opened_by: Organisation
    ref: str
    time: dt.datetime
    person: Person


class Episodes:
    """The open episodes by sort."""

    def __init__(self) -> None:
        self._open: dict[str, list[Episode]] = {}

    def open(self, sort: str, episode: Episode, random: Random) -> None:
        """Remember an episode as open."""
        episodes = self._open.setdefault(sort, [])
        episodes.append(episode)
        if len(episodes) > MOST_OPEN:
            self._take(episodes, random)

    def any_of(self, sort: str, random: Random) -> Episode | None:
        """Return one that is open, and leave it open; None if there is none."""
        episodes = self._open.get(sort)
        return random.choice(episodes) if episodes else None

    def close(self, sort: str, random: Random) -> Episode | None:
        """Return one that was open, and forget it; None if there is none."""
        episodes = self._open.get(sort)
        return self._take(episodes, random) if episodes else None

    @staticmethod
    def _take(episodes: list[Episode], random: Random) -> Episode:
        index = random.randrange(len(episodes))
        episodes[index], episodes[-1] = episodes[-1], episodes[index]
        return episodes.pop()
