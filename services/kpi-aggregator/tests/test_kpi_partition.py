"""A partition's state: any deliveries, any steps in time, the same counts as computing everything anew."""

from datetime import UTC, datetime

import kpi_oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_records import record
from kpi_strategies import instants, people, statements, tight_instants, tight_statements

from pcare_kpi_aggregator import catalogue
from pcare_kpi_aggregator.decode import NO_VALUE, Decoder
from pcare_kpi_aggregator.facts import Fact, Retraction
from pcare_kpi_aggregator.finish import add_up, finish
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partition import HOT_FACTS, FoldError, PartitionState
from pcare_kpi_aggregator.rules import Reached
from pcare_kpi_aggregator.years import instant_of

THRESHOLD = 2
RULES = {**catalogue.load().fold().rules, "sdm_situations": Reached("sdm_situations", "sdm-conversation", THRESHOLD)}
FOLD = Fold(RULES)
TIMESTAMP = 1_700_000_000_000


def new_state(**more) -> PartitionState:
    return PartitionState(FOLD, Decoder(FOLD.kinds), **more)


def values_of(states: list[PartitionState], at: int) -> kpi_oracle.Values:
    counts = add_up(state.snapshot().counts for state in states)
    return {(row.kpi, row.area, row.year): row.value for row in finish(RULES, counts, at) if row.value}


@given(people, st.lists(instants, min_size=1, max_size=4), st.integers(1, 3), st.randoms(use_true_random=False))
@settings(max_examples=250, deadline=None)
def test_deliveries_in_any_order_split_and_time_give_what_the_rules_say(people, ats, partitions, random):
    states = [new_state() for _ in range(partitions)]
    log = [(subject, record(subject, one)) for subject, facts in people.items() for one in facts]
    log += random.choices(log, k=len(log)) if log else []
    random.shuffle(log)
    for offset, (subject, value) in enumerate(log):
        state = states[hash(subject) % partitions]
        state.apply(offset, value, TIMESTAMP)
        if random.random() < 0.3:  # count in between, at instants that never go back
            state.settle(max(state.at, random.choice(ats)))
    at = max(ats)
    for state in states:
        assert state.settle(at)
    assert values_of(states, at) == kpi_oracle.kpis(people, at, threshold=THRESHOLD)


@given(statements(max_size=8), st.lists(instants, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_time_passing_step_by_step_is_the_same_as_all_at_once(facts, ats):
    stepwise = new_state()
    for offset, one in enumerate(facts):
        stepwise.apply(offset, record("person:1", one), TIMESTAMP)
    for at in sorted(ats):
        stepwise.settle(at)
        assert values_of([stepwise], at) == kpi_oracle.kpis({"person:1": facts}, at, threshold=THRESHOLD)
        assert stepwise.next_due is None or stepwise.next_due > at


@given(tight_statements, st.lists(tight_instants, min_size=2, max_size=8))
@settings(max_examples=400, deadline=None)
def test_time_passing_by_the_microsecond_is_the_same_as_all_at_once(facts, ats):
    stepwise = new_state()
    for offset, one in enumerate(facts):
        stepwise.apply(offset, record("person:1", one), TIMESTAMP)
    for at in sorted(ats):
        stepwise.settle(at)
        assert values_of([stepwise], at) == kpi_oracle.kpis({"person:1": facts}, at, threshold=THRESHOLD)


def test_retracting_everything_leaves_nothing_behind():
    state = new_state()
    facts = [
        Fact("pam-scored", instant_of(datetime(2024, 5, 1, tzinfo=UTC)), "s", f"{n}", "E09000007") for n in range(5)
    ]
    for offset, fact in enumerate(facts):
        state.apply(offset, record("person:1", fact), TIMESTAMP)
    state.settle(instant_of(datetime(2024, 6, 1, tzinfo=UTC)))
    assert state.snapshot().counts == {("pam_people", "E09000007", 2024): 1}
    for offset, fact in enumerate(facts, start=5):
        state.apply(offset, record("person:1", Retraction(fact.source, fact.id)), TIMESTAMP)
    state.settle(instant_of(datetime(2024, 6, 1, tzinfo=UTC)))
    assert state.snapshot().counts == {}


def test_a_clock_that_goes_back_does_not_take_the_counts_back():
    state = new_state()
    fact = Fact("pam-scored", instant_of(datetime(2024, 5, 1, tzinfo=UTC)), "s", "1", "E09000007")
    state.apply(0, record("person:1", fact), TIMESTAMP)
    state.settle(instant_of(datetime(2024, 6, 1, tzinfo=UTC)))
    state.settle(instant_of(datetime(2024, 4, 20, tzinfo=UTC)))
    assert state.snapshot().at == instant_of(datetime(2024, 6, 1, tzinfo=UTC))
    assert state.snapshot().counts == {("pam_people", "E09000007", 2024): 1}


def test_what_is_not_known_is_skipped_and_counted():
    state = new_state()
    unknown = b'{"type":"uk.nhs.ncl.personalised-care.pam-scored.v2","subject":5}'
    state.apply(0, unknown, TIMESTAMP)
    state.apply(1, None, TIMESTAMP)
    state.apply(2, unknown, TIMESTAMP)
    assert state.unknown_types == {"uk.nhs.ncl.personalised-care.pam-scored.v2": 2, NO_VALUE: 1}
    assert (state.applied_through, state.snapshot().counts) == (2, {})


def test_the_names_of_unknown_types_are_bounded():
    state = new_state()
    for number in range(500):
        state.apply(number, b'{"type":"kind-%d"}' % number, TIMESTAMP)
    assert len(state.unknown_types) == 101
    assert sum(state.unknown_types.values()) == 500


@pytest.mark.parametrize(
    "value",
    [
        b"not json",
        b"{}",
        b'{"type":"uk.nhs.ncl.personalised-care.pam-scored.v1","subject":5}',
        record("person:1", Fact("sp-referral", 0, "s", "1")),  # without the ref that the schema demands
    ],
)
def test_a_record_that_a_recorder_cannot_have_written_stops_the_fold(value):
    state = new_state()
    state.apply(0, record("person:1", Fact("pam-scored", 0, "s", "1")), TIMESTAMP)
    with pytest.raises(FoldError) as caught:
        state.apply(1, value, TIMESTAMP)
    assert caught.value.offset == 1
    assert state.applied_through == 0


def test_an_error_of_a_rule_names_the_record_that_touched_the_subject_last():
    class Broken:
        kinds = frozenset({"pam-scored"})

        def count(self, _facts, _tally):
            raise ZeroDivisionError

        def finish(self, _parts, _year):
            return 0

    fold = Fold({"broken": Broken()})
    state = PartitionState(fold, Decoder(fold.kinds))
    state.apply(3, record("person:1", Fact("pam-scored", 0, "s", "1")), TIMESTAMP)
    state.apply(8, record("person:1", Fact("pam-scored", 0, "s", "2")), TIMESTAMP)
    state.apply(
        9, record("person:2", Fact("event-retracted", 0, "s", "2")._replace(kind="care-plan-ended", ref="x")), 1
    )
    with pytest.raises(FoldError) as caught:
        state.settle(1)
    assert caught.value.offset == 8


def test_a_flood_about_one_subject_takes_time_in_proportion_to_its_events():
    """Each evaluation of a hot subject earns it a rest of ten times as long."""
    now = [0.0]
    evaluated: list[int] = []

    class Slow(Fold):
        def evaluate(self, facts, at):
            evaluated.append(len(facts))
            now[0] += len(facts) * 1e-5
            return super().evaluate(facts, at)

    fold = Slow(RULES)
    state = PartitionState(fold, Decoder(fold.kinds), clock=lambda: now[0])
    batches, size = 200, 50
    for batch in range(batches):
        for number in range(size):
            offset = batch * size + number
            state.apply(offset, record("person:1", Fact("pam-scored", offset, "s", str(offset))), TIMESTAMP)
            now[0] += 2e-5
        state.settle(10**9)
    assert (
        sum(facts for facts in evaluated if facts >= HOT_FACTS) * 1e-5 < 0.25 * now[0]
    )  # without the rest: 27 times that
    assert not state.settled
    assert state.settle(10**9, thorough=True)
    assert evaluated[-1] == batches * size > HOT_FACTS
    assert state.snapshot().counts == {("pam_people", "", 1969): 1}


def test_the_queue_of_due_subjects_stays_in_proportion_to_the_subjects():
    state = new_state()
    for number in range(30_000):
        fact = Fact("pam-scored", 10**9 + 30_000 - number, "s", str(number))
        state.apply(number, record("person:1", fact), TIMESTAMP)
        if number < 200:
            state.settle(1)
    state.settle(1, thorough=True)
    assert len(state._due) <= 2 * len(state._subjects) + 10_000


def test_a_log_that_ends_in_offsets_without_records_is_skipped_over():
    state = new_state()
    state.apply(0, record("person:1", Fact("pam-scored", 0, "s", "1")), TIMESTAMP)
    state.skip_to(5)
    state.skip_to(2)
    assert state.applied_through == 4
    assert state.log_started == TIMESTAMP
