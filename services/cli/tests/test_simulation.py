import datetime as dt
import json
from collections import Counter
from itertools import islice
from random import Random

import pytest
import yaml

from pcare_cli.simulate import Simulation, _chapters
from pcare_cli.simulation import history
from pcare_cli.simulation.mixture import mixture
from pcare_cli.simulation.organisations import ORGANISATIONS, TRUST, Way
from pcare_cli.simulation.people import Person, Population, number_for_tests
from pcare_cli.simulation.postings import Expected, Posting
from pcare_cli.simulation.teller import Teller
from pcare_local import demo
from pcare_schemas.check import Record, check
from pcare_schemas.envelope import Event
from pcare_schemas.kinds import KINDS
from pcare_schemas.nhs_number import PseudonymKey, is_valid, pseudonym
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.submission import pseudonymise_subject
from pcare_schemas.topics import SUBMITTED

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
KEY = PseudonymKey("k1", b"a secret of the tests, thirty-two bytes")
RULES = Rules.load(demo.PROVIDERS)
COUNT = 6000


def instants(count: int) -> list[dt.datetime]:
    return [NOW - dt.timedelta(seconds=count - number) for number in range(count)]


def simulate(seed: int = 1, count: int = COUNT, *, names: int = 9, with_faults: bool = True) -> list[Posting]:
    teller = Teller(Random(seed), Random(names), 1500, lambda number: pseudonym(number, KEY))
    return mixture(teller, Random(seed + 1), instants(count), with_faults=with_faults)


@pytest.fixture(scope="module")
def postings() -> list[Posting]:
    return simulate()


def judged(posting: Posting) -> Event | Rejection:
    """The verdict that ingest, or on the Kafka way the recorder, comes to on the bytes alone."""
    if posting.way is Way.KAFKA:
        return check(Record(posting.value, posting.key, posting.organisation.topic, NOW), RULES)
    submission = pseudonymise_subject(posting.value, KEY)
    if isinstance(submission, Rejection):
        return submission
    key = None if submission.subject is None else submission.subject.encode()
    return check(Record(submission.value, key, SUBMITTED, NOW), RULES)


def test_the_same_seed_tells_the_same(postings: list[Posting]) -> None:
    assert simulate() == postings
    assert simulate(seed=2) != postings


def test_a_story_told_again_has_ids_of_its_own(postings: list[Posting]) -> None:
    again = simulate(names=10)
    assert not {one.id for one in again if one.id} & {one.id for one in postings if one.id}
    assert [one.organisation for one in again] == [one.organisation for one in postings]


def test_the_mixture_is_as_promised(postings: list[Posting]) -> None:
    assert len(postings) == COUNT
    expected = Counter(posting.expected for posting in postings)
    assert expected[Expected.REJECTED] == 60
    assert expected[Expected.DUPLICATE] == 60
    retractions = [one for one in postings if b"event-retracted" in one.value and one.expected is Expected.RECORDED]
    assert len(retractions) == 60
    times = [
        dt.datetime.fromisoformat(json.loads(one.value)["time"])
        for one in postings
        if one.expected is Expected.RECORDED
    ]
    late = [time for time in times if NOW - time > dt.timedelta(hours=20)]
    assert 0.03 < len(late) / len(times) < 0.07
    assert min(times) > NOW - dt.timedelta(days=367)
    assert max(times) <= NOW


def test_every_kind_occurs_and_every_organisation_sends(postings: list[Posting]) -> None:
    good = [judged(posting) for posting in postings if posting.expected is Expected.RECORDED]
    assert {event.kind for event in good if isinstance(event, Event)} == set(KINDS)
    assert {posting.organisation for posting in postings} == set(ORGANISATIONS)
    assert {organisation.way for organisation in ORGANISATIONS} == set(Way)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_should_be_recorded_is_valid(seed: int) -> None:
    for posting in simulate(seed):
        if posting.expected is not Expected.REJECTED:
            event = judged(posting)
            assert isinstance(event, Event), event
            assert (event.source, event.id) == (posting.source, posting.id)


CONFLICTS = {Reason.id_reused, Reason.not_retractable, Reason.retraction_mismatch}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_is_wrong_is_refused_for_the_reason_it_should_be(seed: int) -> None:
    wrong = [posting for posting in simulate(seed) if posting.expected is Expected.REJECTED]
    for posting in wrong:
        verdict = judged(posting)
        if posting.reason in CONFLICTS:
            assert isinstance(verdict, Event), "a conflict shows only against what is recorded"
            assert posting.last
        else:
            assert isinstance(verdict, Rejection)
            assert verdict.reason == posting.reason
    # nobody is told that way unless a key is being changed
    assert {posting.reason for posting in wrong} == set(Reason) - {Reason.unlinked_pseudonym}


def test_conflicts_come_after_what_they_conflict_with(postings: list[Posting]) -> None:
    positions = [number for number, posting in enumerate(postings) if posting.last]
    assert positions == list(range(COUNT - len(positions), COUNT))
    ids = {posting.id for posting in postings if not posting.last}
    for posting in postings[positions[0] :]:
        named = posting.id if posting.reason is Reason.id_reused else json.loads(posting.value)["data"]["retracts"]
        assert named in ids


def test_repeats_say_the_same_and_some_in_other_bytes(postings: list[Posting]) -> None:
    first = {posting.id: posting.value for posting in postings if posting.expected is Expected.RECORDED}
    repeats = [posting for posting in postings if posting.expected is Expected.DUPLICATE]
    assert all(json.loads(posting.value) == json.loads(first[posting.id]) for posting in repeats)
    assert {posting.value == first[posting.id] for posting in repeats} == {True, False}


def test_without_faults_everything_is_good_and_on_time() -> None:
    postings = simulate(count=500, with_faults=False)
    assert {posting.expected for posting in postings} == {Expected.RECORDED}
    assert len({posting.id for posting in postings}) == 500
    assert not any(b"event-retracted" in posting.value for posting in postings)


def past(seed: int = 1, since: dt.date = dt.date(2025, 4, 1), *, with_faults: bool = True) -> list[Posting]:
    teller = Teller(Random(seed), Random(9), 1500, lambda number: pseudonym(number, KEY))
    return mixture(teller, Random(seed + 1), history.instants(since, NOW, 2000), with_faults=with_faults)


@pytest.mark.parametrize("since", [dt.date(2016, 1, 2), dt.date(2019, 4, 1), dt.date(2025, 4, 1), NOW.date()])
def test_a_history_is_valid_from_any_day_on(since: dt.date) -> None:
    for posting in past(since=since):
        if posting.expected is not Expected.REJECTED:
            verdict = judged(posting)
            assert isinstance(verdict, Event), verdict


def test_a_history_is_spread_over_the_years_and_grows() -> None:
    times = history.instants(dt.date(2025, 4, 1), NOW, 4000)
    assert len(times) == 4000
    assert times == sorted(times)
    assert times == history.instants(dt.date(2025, 4, 1), NOW, 4000)
    assert dt.date(2025, 4, 1) == times[0].date()
    assert NOW - times[-1] < dt.timedelta(days=2)
    assert max(times) <= NOW
    middle = times[0] + (NOW - times[0]) / 2
    assert 0.35 < sum(time < middle for time in times) / len(times) < 0.45
    local = [time.astimezone(history.LONDON) for time in times]
    assert {time.weekday() for time in local} == {0, 1, 2, 3, 4}
    assert all(8 <= time.hour < 18 for time in local)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_a_history_without_a_working_day_is_still_told(count: int) -> None:
    saturday = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
    times = history.instants(saturday.date(), saturday, count)
    assert len(times) == count
    assert all(saturday.date() == time.date() and time < saturday for time in times)


ENDS = {
    "sp-closed": ("sp-referral", "referral_ref"),
    "care-plan-reviewed": ("care-plan-agreed", "plan_ref"),
    "care-plan-ended": ("care-plan-agreed", "plan_ref"),
    "phb-ended": ("phb-issued", "budget_ref"),
    "self-management-completed": ("self-management-referral", "referral_ref"),
    "link-worker-left": ("link-worker-joined", None),
    "pam-scored": ("care-plan-agreed", "plan_ref"),
}


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_ends_before_it_was_opened(seed: int) -> None:
    events = [judged(posting) for posting in past(seed) if posting.expected is Expected.RECORDED]
    said = [event for event in events if isinstance(event, Event)]
    opened = {
        (event.kind, event.subject, getattr(event.data, field) if field else None): event.time
        for kind, field in ENDS.values()
        for event in said
        if event.kind == kind
    }
    matched = 0
    for event in said:
        if event.kind in ENDS:
            kind, field = ENDS[event.kind]
            ref = getattr(event.data, field) if field else None
            begun = opened.get((kind, event.subject, ref))  # None: its opening went wrong on the way
            if begun is not None:
                assert event.time >= begun, event
                matched += 1
    assert matched > 150


def test_a_history_shows_every_kpi() -> None:
    said = [judged(posting) for posting in past() if posting.expected is Expected.RECORDED]
    kinds = Counter(event.kind for event in said if isinstance(event, Event))
    assert set(kinds) == set(KINDS)
    with_plan = [
        event for event in said if isinstance(event, Event) and event.kind == "pam-scored" and event.data.plan_ref
    ]
    assert 0.2 < len(with_plan) / kinds["pam-scored"] < 0.5
    assert kinds["link-worker-joined"] - kinds["link-worker-left"] <= 115


@pytest.mark.parametrize("count", [1, 2, 30, 100])
def test_a_small_mixture_has_the_size_asked_for(count: int) -> None:
    assert len(simulate(count=count)) == count


def test_numbers_are_valid_and_of_the_range_kept_for_tests() -> None:
    for prefix in (0, 123_456, 999_999, 1_000_003):
        number = number_for_tests(prefix)
        assert is_valid(number)
        assert number.startswith("999")


def test_people_are_the_same_each_time_and_live_where_they_are_looked_for() -> None:
    population = Population(300, Random(4))
    met: dict[str, Person] = {}
    for seed in range(600):
        person = population.anyone(Random(seed), "E09000007")
        assert person.borough == "E09000007"
        assert met.setdefault(person.number, person) == person


def test_the_organisations_are_those_of_the_register_file() -> None:
    entries = yaml.safe_load(demo.PROVIDERS.read_text())["providers"]
    assert {entry["source"] for entry in entries} == {organisation.source for organisation in ORGANISATIONS}
    assert TRUST.topic == "interventions.submitted.demo-trust"


class StoodClock:
    """A clock that stands."""

    def now(self) -> dt.datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def chapters(**changes: object) -> list[tuple[int, float | None, int]]:
    """How many postings each of the first two chapters has, at which rate, and over how many months."""
    simulation = Simulation("http://127.0.0.1:9", {}, KEY, seed=1, **changes)
    told = []
    for chapter in islice(_chapters(simulation, 1, StoodClock()), 2):
        good = [json.loads(one.value)["time"] for one in chapter.postings if one.expected is Expected.RECORDED]
        months = round((NOW - min(map(dt.datetime.fromisoformat, good))).days / 30)
        told.append((len(chapter.postings), chapter.rate, months))
    return told


def test_a_history_comes_at_once_and_then_what_happens_now_at_its_rate() -> None:
    told = chapters(since=dt.date(2025, 4, 1), history=500, rate=20.0, with_faults=False)
    assert told == [(500, None, 20), (100, 20.0, 0)]


def test_with_a_number_of_events_the_history_is_all() -> None:
    assert chapters(since=dt.date(2025, 4, 1), events=300, rate=50.0, with_faults=False) == [(300, 50.0, 20)]
    assert chapters(events=300, with_faults=False) == [(300, None, 0)]
