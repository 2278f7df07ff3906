"""Made-up histories of many people over many years, in an order in which no provider would be so unkind as to send."""

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

from pcare_schemas.code_lists import built_in
from proof.making import BOROUGHS, NORTH_LONDON, ROYAL_FREE, UCLH, WHITTINGTON, Cast, Event, london

FIRST_YEAR = 2015
SOURCES = (WHITTINGTON, ROYAL_FREE, UCLH, NORTH_LONDON)
REFS = ("1", "2", "3")
PCNS = ("U10001", "U10002", "U10003")
CODES = built_in()
SITUATIONS = tuple(CODES["situations"].codes)[:8]  # few, so that some reach the threshold
COHORTS = ("adult_chc", "s117", "ltc", "end_of_life", "wheelchair")
A_MICROSECOND, AN_HOUR = dt.timedelta(microseconds=1), dt.timedelta(hours=1)


def random_history(seed: int, events: int, until: dt.datetime) -> list[Event]:
    """Tell about so many events of every kind between 2015 and `until`, and give them in the order to be sent in.

    The same for the same seed and end. Retractions come before or after what they take back, some events come more
    than once, references are shared between people, organisations and kinds, and many times are those at which a
    year or the clocks turn. Every event is one that the recorder takes.
    """
    return _History(seed, until).told(events)


def difficult_times(until: dt.datetime) -> list[dt.datetime]:
    """Return the instants around which a count is most easily wrong, before `until`."""
    times = []
    for year in range(FIRST_YEAR, until.year + 1):
        turn = london(f"{year}-04-01")
        times += [turn - AN_HOUR, turn - A_MICROSECOND, turn, turn + A_MICROSECOND, turn + AN_HOUR]
        times += [london(f"{year}-{day}T01:30", fold) for day in ("10-25", "10-27", "03-31") for fold in (0, 1)]
        times += [london(f"{year}-02-28T12:00"), london(f"{year}-03-31T00:00"), london(f"{year}-12-31T23:59:59")]
        if year % 4 == 0:
            times.append(london(f"{year}-02-29T12:00"))
    return [time for time in times if time < until]


class _History:
    def __init__(self, seed: int, until: dt.datetime) -> None:
        self.random = Random(seed)
        self.cast = Cast(f"history-{seed}")
        self.until = until
        self.difficult = difficult_times(until)
        self.tellers: list[tuple[Callable[[str, dict[str, Any]], Event], int]] = [
            (self._referral, 12),
            (self._choice, 8),
            (self._conversation, 14),
            (self._measure, 8),
            (self._plan, 24),
            (self._budget, 16),
            (self._course, 4),
            (self._post, 6),
            (self._answer, 10),
            (self._assessment, 2),
            (self._noise, 4),
        ]

    def told(self, events: int) -> list[Event]:
        people = max(1, events // 8)
        tellers, weights = zip(*self.tellers, strict=True)
        told: list[Event] = []
        while len(told) < events:
            teller = self.random.choices(tellers, weights)[0]
            who = str(self.random.randrange(people))
            told.append(teller(who, {"source": self.random.choice(SOURCES)}))
        taken_back = self.random.sample(told, events // 12)
        told += [self.cast.retraction(event) for event in taken_back]
        told += [self.cast.retraction(event) for event in taken_back[::5]]  # once more, under another id
        told += self.random.sample(told, events // 8)
        self.random.shuffle(told)
        return told

    def _time(self, who: str) -> dt.datetime:
        """Return a time: often a difficult one, else within a few years of this person's."""
        if self.random.random() < 0.3:
            return self.random.choice(self.difficult)
        first = FIRST_YEAR + int(who) % (self.until.year - FIRST_YEAR)
        time = london(f"{first}-01-02") + dt.timedelta(seconds=self.random.randrange(3 * 365 * 86_400))
        return time if time < self.until else self.until - dt.timedelta(seconds=self.random.randrange(90 * 86_400))

    def _borough(self, who: str) -> str:
        return BOROUGHS[int(who) % 5] if self.random.random() < 0.8 else self.random.choice(BOROUGHS)

    def _about(self, who: str) -> tuple[str, dt.datetime, str]:
        return who, self._time(who), self._borough(who)

    def _ref(self, more: dict[str, Any]) -> dict[str, Any]:
        """Return a reference, now and then one that another organisation gave."""
        given_by = {"ref_source": self.random.choice(SOURCES)} if self.random.random() < 0.5 else {}
        return {"ref": self.random.choice(REFS), **given_by, **more}

    def _referral(self, who: str, more: dict[str, Any]) -> Event:
        return self.cast.referral(*self._about(who), **self._ref(more))

    def _choice(self, who: str, more: dict[str, Any]) -> Event:
        elective, ers, chosen = (self.random.random() < likely for likely in (0.8, 0.7, 0.6))
        ref = self._ref(more)
        return self.cast.choice(*self._about(who), **ref, elective=elective, ers=ers, chosen=chosen)

    def _conversation(self, who: str, more: dict[str, Any]) -> Event:
        told = self.cast.conversation(*self._about(who), self.random.choice(SITUATIONS), **self._ref(more))
        told["data"]["setting"] = self.random.choice(("primary", "secondary", "interface"))
        if self.random.random() < 0.5:  # else it is not stated, which is no
            told["data"]["decision_aid"] = self.random.random() < 0.5
        return told

    def _measure(self, who: str, more: dict[str, Any]) -> Event:
        return self.cast.pam(*self._about(who), plan=self.random.choice((None, *REFS)), **more)

    def _plan(self, who: str, more: dict[str, Any]) -> Event:
        tell = self.random.choice((self.cast.agreed, self.cast.agreed, self.cast.reviewed, self.cast.ended))
        return tell(*self._about(who), **self._ref(more))

    def _budget(self, who: str, more: dict[str, Any]) -> Event:
        who, time, borough = self._about(who)
        if self.random.random() < 0.35:
            return self.cast.budget_ended(who, time, borough, **self._ref(more))
        told: dict[str, Any] = {"cohorts": self.random.sample(COHORTS, self.random.choice((1, 1, 2, 3)))}
        if self.random.random() < 0.5:
            day = time.date() + dt.timedelta(days=self.random.choice((-400, -30, -1, 0, 0, 1, 30, 400)))
            told["starts"] = day.isoformat()
        if self.random.random() < 0.3:
            told["one_off"] = True
        return self.cast.budget(who, time, borough, **told, **self._ref(more))

    def _course(self, who: str, more: dict[str, Any]) -> Event:
        return self.cast.course(*self._about(who), completed=self.random.random() < 0.5, **self._ref(more))

    def _post(self, who: str, more: dict[str, Any]) -> Event:
        worker, pcn = f"w{int(who) % 40}", self.random.choice(PCNS)
        borough = self.random.choice((*BOROUGHS, None))
        tell = self.random.choice((self.cast.joined, self.cast.joined, self.cast.left))
        return tell(worker, self._time(who), pcn, borough, **more)

    def _answer(self, who: str, more: dict[str, Any]) -> Event:
        low = self.random.choice((0, 9, 9))
        scores = (self.random.randint(low, 9), self.random.randint(low, 9), self.random.randint(low, 9))
        team, borough = f"t{int(who) % 12}", self.random.choice((*BOROUGHS, None))
        year = FIRST_YEAR + 3 * (int(who) % 4)  # few years, so that some have answers enough
        time = max(self._time(who), london(f"{year}-05-01")).replace(year=year, day=5)
        return self.cast.answer(team, time, borough, scores, **more)

    def _assessment(self, who: str, more: dict[str, Any]) -> Event:
        met = self.random.sample(range(1, 10), self.random.randint(0, 9))
        time = self._time(who)
        return self.cast.assessed(self.random.choice(CODES["commissioners"].valid(time)), time, met, **more)

    def _noise(self, who: str, more: dict[str, Any]) -> Event:
        """Return an event of a kind that no KPI counts."""
        who, time, borough = self._about(who)
        ref = self.random.choice((None, *REFS))
        kind, told = self.random.choice(
            (
                ("sp-closed", {"referral_ref": ref or "1", "outcome": "goals_met"}),
                ("sp-declined", {"referral_ref": ref}),
                ("care-plan-declined", {"plan_ref": ref, "reason": "not_now"}),
            )
        )
        return self.cast.event(kind, self.cast.person(who), time, {"borough": borough, **told}, **more)
