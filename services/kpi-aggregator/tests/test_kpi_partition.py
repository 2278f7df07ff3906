"""A partition's state: any deliveries, any steps in time, the same counts as computing everything anew."""

from datetime import UTC, datetime

import kpi_oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_folding import CATALOGUES, FOLDS, PLAN, values_of_states
from kpi_records import Said, Taken, pam, record
from kpi_strategies import instants, subjects, tight_instants, tight_subjects

from pcare_kpi_aggregator.counts import cells_of
from pcare_kpi_aggregator.decode import NO_VALUE
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partition import HOT_FACTS, FoldError, PartitionState
from pcare_kpi_aggregator.years import instant_of, month_of

FOLD = FOLDS["the plan's"]
DECODERS = {name: fold.decoder() for name, fold in FOLDS.items()}
TIMESTAMP = 1_700_000_000_000
MAY = instant_of(datetime(2024, 5, 1, tzinfo=UTC))
JUNE = instant_of(datetime(2024, 6, 1, tzinfo=UTC))
BOTH = pytest.mark.parametrize("name", CATALOGUES)


def new_state(fold=FOLD, decoder=DECODERS["the plan's"], **more) -> PartitionState:
    return PartitionState(fold, decoder, **more)


def counts_of(state: PartitionState):
    return cells_of(state.snapshot().counts.lines())


def pam_counts(state: PartitionState):
    return {key: count for key, count in counts_of(state).items() if key[0] == "pam_people"}


@BOTH
@given(subjects, st.lists(instants, min_size=1, max_size=4), st.integers(1, 3), st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_deliveries_in_any_order_split_and_time_give_what_the_rules_say(name, subjects, ats, partitions, random):
    fold = FOLDS[name]
    states = [new_state(fold, DECODERS[name]) for _ in range(partitions)]
    log = [(subject, record(subject, one)) for subject, said in subjects.items() for one in said]
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
    assert values_of_states(fold, states, at) == kpi_oracle.kpis(subjects, at, CATALOGUES[name])


@given(subjects, instants, st.integers(1, 12), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_restart_anywhere_in_the_log_gives_the_same(subjects, at, cut, random):
    log = [record(subject, one) for subject, said in subjects.items() for one in said]
    random.shuffle(log)
    straight, before = new_state(), new_state()
    for offset, value in enumerate(log):
        straight.apply(offset, value, TIMESTAMP)
        if offset < cut:
            before.apply(offset, value, TIMESTAMP)
    before.settle(min(at, random.randrange(at)))  # what it knew is lost with it: the log is read again
    again = new_state()
    for offset, value in enumerate(log):
        again.apply(offset, value, TIMESTAMP)
        if offset % cut == 0:
            again.settle(at)
    for state in (straight, again):
        state.settle(at)
    assert counts_of(again) == counts_of(straight)
    assert values_of_states(FOLD, [straight], at) == kpi_oracle.kpis(subjects, at, PLAN)


@BOTH
@given(subjects, st.lists(instants, min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_time_passing_step_by_step_is_the_same_as_all_at_once(name, subjects, ats):
    _step_by_step(name, subjects, ats)


@BOTH
@given(tight_subjects, st.lists(tight_instants, min_size=2, max_size=8))
@settings(max_examples=250, deadline=None)
def test_time_passing_by_the_microsecond_is_the_same_as_all_at_once(name, subjects, ats):
    _step_by_step(name, subjects, ats)


def _step_by_step(name, subjects, ats):
    stepwise = new_state(FOLDS[name], DECODERS[name])
    log = [record(subject, one) for subject, said in subjects.items() for one in said]
    for offset, value in enumerate(log):
        stepwise.apply(offset, value, TIMESTAMP)
    for at in sorted(ats):
        stepwise.settle(at)
        assert values_of_states(FOLDS[name], [stepwise], at) == kpi_oracle.kpis(subjects, at, CATALOGUES[name])
        assert stepwise.next_due is None or stepwise.next_due > at


def test_retracting_everything_leaves_nothing_behind():
    state = new_state()
    said = [pam(MAY, f"{n}", "E09000007") for n in range(5)]
    for offset, one in enumerate(said):
        state.apply(offset, record("person:1", one), TIMESTAMP)
    state.settle(JUNE)
    assert pam_counts(state) == {("pam_people", "E09000007", month_of(MAY)): 1}
    for offset, one in enumerate(said, start=5):
        state.apply(offset, record("person:1", Taken(one.source, one.id)), TIMESTAMP)
    state.settle(JUNE)
    assert counts_of(state) == {}
    assert state.snapshot().counts.lines() == {}


def test_a_snapshot_stands_while_the_counts_move_on():
    state = new_state()
    state.apply(0, record("person:1", pam(MAY, "1")), TIMESTAMP)
    state.settle(JUNE)
    before = state.snapshot()
    state.apply(1, record("person:2", pam(JUNE - 1, "2", "E09000003")), TIMESTAMP)
    state.settle(JUNE)
    assert pam_counts(state).keys() > {("pam_people", "E09000007", month_of(MAY))}
    assert cells_of(before.counts.lines()) == {
        ("pam_people", "E09000007", month_of(MAY)): 1,
        ("upc_people", "E09000007", month_of(MAY)): 1,
    }


def test_a_clock_that_goes_back_does_not_take_the_counts_back():
    state = new_state()
    state.apply(0, record("person:1", pam(MAY, "1")), TIMESTAMP)
    state.settle(JUNE)
    state.settle(MAY - 10**12)
    assert state.snapshot().at == JUNE
    assert pam_counts(state) == {("pam_people", "E09000007", month_of(MAY)): 1}


def test_what_is_not_known_is_skipped_and_counted():
    state = new_state()
    unknown = b'{"type":"uk.nhs.ncl.personalised-care.pam-scored.v2","subject":5}'
    state.apply(0, unknown, TIMESTAMP)
    state.apply(1, None, TIMESTAMP)
    state.apply(2, unknown, TIMESTAMP)
    assert state.unknown_types == {"uk.nhs.ncl.personalised-care.pam-scored.v2": 2, NO_VALUE: 1}
    assert (state.applied_through, counts_of(state)) == (2, {})


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
        record("person:1", Said("sp-referral", 0, "s", "1", {})),  # without the ref that the schema demands
    ],
)
def test_a_record_that_a_recorder_cannot_have_written_stops_the_fold(value):
    state = new_state()
    state.apply(0, record("person:1", pam(0, "1")), TIMESTAMP)
    with pytest.raises(FoldError) as caught:
        state.apply(1, value, TIMESTAMP)
    assert caught.value.offset == 1
    assert state.applied_through == 0


def test_an_error_of_a_rule_names_the_record_that_touched_the_subject_last():
    class Broken:
        kinds = starting = frozenset({"pam-scored"})
        one_by_one = by_likeness = False

        def count(self, _reading):
            raise ZeroDivisionError

    fold = Fold({"broken": Broken()})
    state = PartitionState(fold, fold.decoder())
    state.apply(3, record("person:1", pam(0, "1")), TIMESTAMP)
    state.apply(8, record("person:1", pam(0, "2")), TIMESTAMP)
    state.apply(9, record("person:2", Said("care-plan-ended", 0, "s", "2", {"plan_ref": "x"})), 1)
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

    fold = Slow(FOLD.rules)
    state = PartitionState(fold, DECODERS["the plan's"], clock=lambda: now[0])
    batches, size = 200, 50
    for batch in range(batches):
        for number in range(size):
            offset = batch * size + number
            state.apply(offset, record("person:1", pam(offset, str(offset), None)), TIMESTAMP)
            now[0] += 2e-5
        state.settle(10**9)
    assert (
        sum(facts for facts in evaluated if facts >= HOT_FACTS) * 1e-5 < 0.25 * now[0]
    )  # without the rest: 27 times that
    assert not state.settled
    assert state.settle(10**9, thorough=True)
    assert evaluated[-1] == batches * size > HOT_FACTS
    assert pam_counts(state) == {("pam_people", "", month_of(0)): 1}


def test_a_flood_about_a_team_is_counted_event_by_event():
    state = new_state()
    answer = {"team": "t", "understand": 9, "listen": 9, "include": 8}
    said = [Said("collaborate-scored", MAY, "s", f"{number}", answer) for number in range(3_000)]
    for offset, one in enumerate(said):
        state.apply(offset, record("team:t", one), TIMESTAMP)
        state.settle(JUNE)
    assert state.settled  # though no fact had to wait its turn
    for offset, one in enumerate(said[1:], start=len(said)):
        state.apply(offset, record("team:t", Taken(one.source, one.id)), TIMESTAMP)
    state.settle(JUNE)
    assert counts_of(state) == {
        ("sdm_collaborate/of", "", month_of(MAY)): 1,
        ("sdm_collaborate_mean/total", "", month_of(MAY)): 26,
        ("sdm_collaborate_mean/events", "", month_of(MAY)): 1,
    }


def test_the_queue_of_due_subjects_stays_in_proportion_to_the_subjects():
    state = new_state()
    for number in range(30_000):
        state.apply(number, record("person:1", pam(10**9 + 30_000 - number, str(number))), TIMESTAMP)
        if number < 200:
            state.settle(1)
    state.settle(1, thorough=True)
    assert len(state._due) <= 2 * len(state._subjects) + 10_000


def test_a_log_that_ends_in_offsets_without_records_is_skipped_over():
    state = new_state()
    state.apply(0, record("person:1", pam(0, "1")), TIMESTAMP)
    state.skip_to(5)
    state.skip_to(2)
    assert state.applied_through == 4
    assert (state.log_started, state.log_written) == (TIMESTAMP, TIMESTAMP)
