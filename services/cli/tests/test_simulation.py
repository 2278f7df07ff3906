import datetime as dt
import json
from collections import Counter
from random import Random

import pytest
import yaml

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
    assert {posting.reason for posting in wrong} == set(Reason)


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
