"""Tells what happens, one event at a time: who did what for whom. Every kind of event occurs."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pcare_cli.simulation import payloads
from pcare_cli.simulation.episodes import Episode, Episodes
from pcare_cli.simulation.organisations import COUNCIL, ICB, LINK_WORKERS, SURGERIES, TRUST, Organisation
from pcare_cli.simulation.people import Person, Population
from pcare_schemas.envelope import type_of

LONDON = ZoneInfo("Europe/London")
OF_A_PLAN = 0.4  # of the measures
WITH_A_PLAN = 0.8  # of the budgets
MOST_POSTS = 110  # of link workers; then as many leave as come


@dataclass(frozen=True, slots=True)
class Told:
    """An event and who sends it. `document` is the CloudEvent as its sender writes it."""

    organisation: Organisation
    document: dict[str, Any]


class Teller:
    """An endless story. `random` decides what happens, `names` the ids and references; both and the instants, all.

    `pseudonym_of` turns an NHS number into what ingest makes of it; organisations that do not name people by number
    use it.
    """

    def __init__(self, random: Random, names: Random, people: int, pseudonym_of: Callable[[str], str]) -> None:
        self._random = random
        self._names = names
        self._population = Population(people, random)
        self._episodes = Episodes()
        self._pseudonym_of = pseudonym_of
        self._refs = 0
        self._posts: list[tuple[str, dict[str, Any], dt.datetime]] = []
        self._next_kind = {
            self._conversation: 26,
            self._referral: 16,
            self._referral_closed: 8,
            self._referral_declined: 2,
            self._pam: 13,
            self._plan_agreed: 12,
            self._plan_reviewed: 4,
            self._plan_ended: 3,
            self._plan_declined: 1,
            self._budget_issued: 5,
            self._budget_ended: 2,
            self._choice_offered: 5,
            self._standards_assessed: 0.5,
            self._course_begun: 2,
            self._course_completed: 1,
            self._collaborate: 3,
            self._link_worker_joined: 1.2,
            self._link_worker_left: 0.3,
        }

    def tell(self, now: dt.datetime, *, late_by: dt.timedelta = dt.timedelta(0)) -> Told:
        """Return the next event. It took place at `now` less `late_by`, or, if it closes something, not before that."""
        (chosen,) = self._random.choices(list(self._next_kind), weights=list(self._next_kind.values()))
        return chosen(now - late_by)

    def new_id(self) -> str:
        """Return an event id that was not given before."""
        return str(UUID(int=self._names.getrandbits(128), version=4))

    def _conversation(self, at: dt.datetime) -> Told:
        known = self._episodes.any_of("conversation", self._random) if self._random.random() < 0.1 else None
        if known is not None:  # another contact about the same decision
            data = payloads.sdm_conversation(self._random, known.ref)
            return self._about(known.opened_by, "sdm-conversation", known.person, max(at, known.time), data)
        episode = self._begin("conversation", self._surgery_or_trust(), at, "sdm")
        data = payloads.sdm_conversation(self._random, episode.ref)
        return self._about(episode.opened_by, "sdm-conversation", episode.person, at, data)

    def _referral(self, at: dt.datetime) -> Told:
        episode = self._begin("referral", self._surgery_or_trust(), at, "sp")
        referrer = "gp" if episode.opened_by.borough else "hospital"
        data = payloads.sp_referral(self._random, episode.ref, referrer)
        return self._about(episode.opened_by, "sp-referral", episode.person, at, data)

    def _referral_closed(self, at: dt.datetime) -> Told:
        episode = self._episodes.close("referral", self._random)
        if episode is None:
            return self._referral(at)
        data = {**payloads.sp_closed(self._random, episode.ref), "ref_source": episode.opened_by.source}
        return self._about(LINK_WORKERS, "sp-closed", episode.person, max(at, episode.time), data)

    def _referral_declined(self, at: dt.datetime) -> Told:
        surgery = self._surgery()
        return self._about(surgery, "sp-declined", self._person_of(surgery), at, {})

    def _pam(self, at: dt.datetime) -> Told:
        plan = self._episodes.any_of("plan", self._random) if self._random.random() < OF_A_PLAN else None
        if plan is not None:
            data = {**payloads.pam_scored(self._random), "plan_ref": plan.ref}
            return self._about(plan.opened_by, "pam-scored", plan.person, max(at, plan.time), data)
        sender = LINK_WORKERS if self._random.random() < 0.3 else self._surgery_or_trust()
        return self._about(sender, "pam-scored", self._person_of(sender), at, payloads.pam_scored(self._random))

    def _plan_agreed(self, at: dt.datetime) -> Told:
        episode = self._begin("plan", self._surgery_or_trust(), at, "plan")
        data = payloads.care_plan_agreed(self._random, episode.ref, at.date())
        return self._about(episode.opened_by, "care-plan-agreed", episode.person, at, data)

    def _plan_reviewed(self, at: dt.datetime) -> Told:
        episode = self._episodes.any_of("plan", self._random)
        if episode is None:
            return self._plan_agreed(at)
        time = max(at, episode.time)
        return self._about(episode.opened_by, "care-plan-reviewed", episode.person, time, {"plan_ref": episode.ref})

    def _plan_ended(self, at: dt.datetime) -> Told:
        episode = self._episodes.close("plan", self._random)
        if episode is None:
            return self._plan_agreed(at)
        data = payloads.care_plan_ended(self._random, episode.ref)
        return self._about(episode.opened_by, "care-plan-ended", episode.person, max(at, episode.time), data)

    def _plan_declined(self, at: dt.datetime) -> Told:
        surgery = self._surgery()
        return self._about(surgery, "care-plan-declined", self._person_of(surgery), at, {"reason": "not_now"})

    def _budget_issued(self, at: dt.datetime) -> Told:
        plan = self._episodes.any_of("plan", self._random) if self._random.random() < WITH_A_PLAN else None
        at = at if plan is None else max(at, plan.time)
        episode = self._begin(
            "budget", self._random.choice((ICB, COUNCIL)), at, "phb", None if plan is None else plan.person
        )
        data = payloads.phb_issued(self._random, episode.ref, at.date())
        return self._about(episode.opened_by, "phb-issued", episode.person, at, data)

    def _budget_ended(self, at: dt.datetime) -> Told:
        episode = self._episodes.close("budget", self._random)
        if episode is None:
            return self._budget_issued(at)
        data = {**payloads.phb_ended(self._random, episode.ref), "ref_source": episode.opened_by.source}
        return self._about(COUNCIL, "phb-ended", episode.person, max(at, episode.time), data)

    def _choice_offered(self, at: dt.datetime) -> Told:
        surgery = self._surgery()
        data = payloads.choice_offered(self._random, self._ref("ers"))
        return self._about(surgery, "choice-offered", self._person_of(surgery), at, data)

    def _standards_assessed(self, at: dt.datetime) -> Told:
        met = self._random.sample(range(1, 10), self._random.randint(4, 9))
        return self._event(
            ICB, "choice-standards-assessed", f"commissioner:{self._commissioner(at)}", at, {"standards_met": met}
        )

    def _commissioner(self, at: dt.datetime) -> str:
        """Return a commissioner of the five boroughs on a day (code list `commissioners`)."""
        day = at.astimezone(LONDON).date()
        if day < dt.date(2020, 4, 1):
            return self._random.choice(("07M", "07R", "07X", "08D", "08H"))
        if day < dt.date(2022, 7, 1):
            return "93C"
        return "QMJ" if day < dt.date(2026, 4, 1) else "Z9B2Z"

    def _course_begun(self, at: dt.datetime) -> Told:
        episode = self._begin("course", LINK_WORKERS, at, "sm")
        data = payloads.course(self._random, episode.ref)
        return self._about(LINK_WORKERS, "self-management-referral", episode.person, at, data)

    def _course_completed(self, at: dt.datetime) -> Told:
        episode = self._episodes.close("course", self._random)
        if episode is None:
            return self._course_begun(at)
        data = payloads.course(self._random, episode.ref)
        return self._about(LINK_WORKERS, "self-management-completed", episode.person, max(at, episode.time), data)

    def _collaborate(self, at: dt.datetime) -> Told:
        surgery = self._surgery()
        team = f"team-{self._random.randint(1, 4)}"
        data = payloads.collaborate_scored(self._random, team, str(surgery.borough))
        return self._event(surgery, "collaborate-scored", f"team:{surgery.slug}:{team}", at, data)

    def _link_worker_joined(self, at: dt.datetime) -> Told:
        if len(self._posts) >= MOST_POSTS:
            return self._link_worker_left(at)
        person = self._population.anyone(self._random)
        post = {"pcn": person.details["pcn"], "borough": person.borough, "employer": LINK_WORKERS.slug}
        subject = f"link-worker:{LINK_WORKERS.slug}:{self._ref('lw')}"
        self._posts.append((subject, post, at))
        data = {**post, "wte": self._random.choice((0.5, 0.8, 1.0))}
        return self._event(LINK_WORKERS, "link-worker-joined", subject, at, data)

    def _link_worker_left(self, at: dt.datetime) -> Told:
        if len(self._posts) < 3:
            return self._link_worker_joined(at)
        subject, post, joined = self._posts.pop(self._random.randrange(len(self._posts)))
        return self._event(LINK_WORKERS, "link-worker-left", subject, max(at, joined), post)

    def _surgery(self) -> Organisation:
        return self._random.choice(list(SURGERIES.values()))

    def _surgery_or_trust(self) -> Organisation:
        return TRUST if self._random.random() < 0.25 else self._surgery()

    def _person_of(self, organisation: Organisation) -> Person:
        return self._population.anyone(self._random, organisation.borough)

    def _ref(self, prefix: str) -> str:
        self._refs += 1
        letters = "".join(self._names.choices(ascii_lowercase, k=6))  # digits might make an NHS number by chance
        return f"{prefix}-{letters}-{self._refs}"

    def _begin(
        self, sort: str, opened_by: Organisation, at: dt.datetime, prefix: str, person: Person | None = None
    ) -> Episode:
        episode = Episode(opened_by, self._ref(prefix), at, person or self._person_of(opened_by))
        self._episodes.open(sort, episode, self._random)
        return episode

    def _about(self, sender: Organisation, kind: str, person: Person, at: dt.datetime, data: dict[str, Any]) -> Told:
        subject = f"nhs-number:{person.number}" if sender.by_number else self._pseudonym_of(person.number)
        said = {name: value for name, value in person.details.items() if self._random.random() < 0.8}
        return self._event(sender, kind, subject, at, {"borough": person.borough, **said, **data})

    def _event(self, sender: Organisation, kind: str, subject: str, at: dt.datetime, data: dict[str, Any]) -> Told:
        document = {
            "specversion": "1.0",
            "id": self.new_id(),
            "source": sender.source,
            "type": type_of(kind),
            "subject": subject,
            "time": at.astimezone(LONDON).isoformat(timespec="milliseconds"),
            "datacontenttype": "application/json",
            "data": data,
        }
        return Told(sender, document)
