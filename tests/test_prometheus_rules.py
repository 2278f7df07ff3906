"""The recording rules, case by case, run by promtool; and that Prometheus takes the files as they are."""

import subprocess
from pathlib import Path

import pytest

from rule_scenarios import ABSENT, RULES, STEP_SECONDS, Scenario
from tools import tool

pytestmark = pytest.mark.integration

CONFIG = RULES.parents[1] / "prometheus.yml"
PAGE = RULES.parents[3] / "docs" / "prometheus.md"
MINUTE = 60 // STEP_SECONDS


@pytest.fixture
def scenario(tmp_path: Path):
    promtool = tool("promtool")
    made = Scenario()
    yield made
    file = tmp_path / "scenario.yml"
    file.write_text(made.document())
    told = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_prometheus_takes_the_files_as_they_are():
    checked = subprocess.run(
        [tool("promtool"), "check", "config", "--lint-fatal", str(CONFIG)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_one_worker_says_is_recorded_under_names_without_the_worker(scenario):
    scenario.worker("a").says(0, 7)
    scenario.expect_value(1, 7)
    scenario.expect(1, 'pcare:kpi_target{kpi="k",borough="NCL",year="2023/24"}', 1007)
    scenario.expect(1, 'pcare:kpi_trajectory{kpi="k",borough="NCL",year="2023/24"}', 507)
    scenario.expect(1, "pcare:kpi_instant_seconds", STEP_SECONDS)
    scenario.expect(1, "pcare:kpi_age_seconds", 0)
    scenario.expect(1, 'pcare:kpi_catalogue_info{version="v1"}', 1)


def test_a_value_may_fall_and_a_row_may_go(scenario):
    a = scenario.worker("a")
    a.says(0, {"k": 7, "share": 50}, applied=(1, 1))
    a.says(2, {"k": 6}, applied=(2, 1))
    scenario.expect_values({1: 7, 2: 6})
    scenario.expect_value(1, 50, "share")
    scenario.expect_value(2, ABSENT, "share")


def test_a_worker_that_knows_less_of_one_partition_does_not_take_its_turn(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 14, applied=(10, 4), ahead=-3)
    b.says(1, 16, applied=(8, 8))  # later and more in all, but of partition 0 less than what was shown
    scenario.expect_values({0: 14, 1: 14, 3: 14})
    b.says(4, 18, applied=(10, 8))
    scenario.expect_values({4: 18, 5: 18})


def test_at_rest_a_worker_of_an_earlier_instant_does_not_take_its_turn(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 5, applied=(3, 3), instants=(9, 5))
    b.says(1, 6, applied=(3, 3), instants=(8, 8))  # a plan of partition 0 has lapsed since
    scenario.expect_values({0: 5, 1: 5})
    b.says(2, 5, applied=(3, 3), instants=(9, 9))
    scenario.expect_values({2: 5})


def test_an_earlier_instant_with_more_of_the_log_does(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 5, applied=(3, 3), ahead=40)
    b.says(0, 5, applied=(3, 3))
    a.gone(1)
    b.says(2, 7, applied=(4, 4))  # the clock of `a` ran ahead; `b` has counted more since
    scenario.expect_values({0: 5, 1: 5, 2: 7, 3: 7})
    scenario.expect(3, "pcare:kpi_age_seconds", 0)


def test_of_two_that_know_the_same_one_is_taken_and_nothing_is_added_up(scenario):
    for name in ("a", "b", "c"):
        scenario.worker(name).says(0, 9, applied=(5, 5))
    scenario.expect_values({0: 9, 1: 9, 2: 9})
    scenario.expect_series(2, "pcare:kpi_value", 1)
    scenario.expect_series(2, "pcare:kpi_shown", 1 + 3 + 2 + 2 * 2)


def test_a_killed_worker_leaves_no_gap_and_no_dip(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 20, applied=(10, 10))
    b.says(0, 18, applied=(9, 9))
    a.gone(2)
    b.says(4, 19, applied=(10, 9))
    b.says(5, 21, applied=(10, 11))
    scenario.expect_values({1: 20, 2: 20, 3: 20, 4: 20, 5: 21, 6: 21})
    scenario.expect(4, "pcare:kpi_age_seconds", 3 * STEP_SECONDS)


def test_a_stopped_worker_that_wakes_is_not_believed_until_it_has_caught_up(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 20, applied=(10, 10))
    b.says(0, 20, applied=(10, 10))
    a.gone(2)
    b.says(2, 30, applied=(15, 15))
    a.says(8, 20, applied=(10, 10))  # it wakes, and its clock is right: only the log tells that it is behind
    a.says(10, 31, applied=(16, 15), ahead=1)
    scenario.expect_values({1: 20, 2: 30, 8: 30, 9: 30, 10: 31})


def test_a_worker_that_does_not_know_every_partition_is_never_shown(scenario):
    a = scenario.worker("a")
    a.says(0, 0, complete=False)
    a.says(2, 8)
    a.says(4, 0, applied=(9, 9), complete=False)
    scenario.expect_values({0: ABSENT, 1: ABSENT, 2: 8, 4: 8, 5: 8})


def test_when_all_workers_start_again_the_last_truth_stands_until_one_has_caught_up(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 20, applied=(10, 10))
    b.says(0, 20, applied=(10, 10))
    a.gone(2)
    b.gone(3)
    a.says(6, 0, applied=(3, 3), complete=False)
    a.says(8, 6, applied=(3, 3))
    a.says(10, 22, applied=(11, 11))
    scenario.expect_values(dict.fromkeys(range(10), 20) | {10: 22})


def test_the_last_truth_stands_for_five_minutes_and_its_age_is_told(scenario):
    a = scenario.worker("a")
    a.says(0, {"k": 20, "gone": 1}, applied=(10, 10))
    a.says(1, {"k": 20}, applied=(11, 10))
    a.gone(2)
    last = 1 + 5 * MINUTE - 1
    scenario.expect_values({2: 20, last: 20, last + 1: ABSENT, last + 3: ABSENT})
    scenario.expect_value(2, ABSENT, "gone")  # what stands is the last whole, not each row that there has been
    scenario.expect(last, "pcare:kpi_age_seconds", 300 - STEP_SECONDS)
    scenario.expect(last + 1, "pcare:kpi_age_seconds", ABSENT)
    scenario.expect(last + 1, "pcare:kpi_shown", ABSENT)


def test_numbers_that_stand_still_in_a_living_worker_age_in_the_same_way(scenario):
    a = scenario.worker("a")
    a.says(0, 20, applied=(10, 10), instants=(0, 100))  # partition 0 is blocked
    last = 5 * MINUTE - 1
    scenario.expect_values({1: 20, last: 20, last + 1: ABSENT})
    scenario.expect(last, "pcare:kpi_age_seconds", 300 - STEP_SECONDS)


def test_a_worker_that_kafka_tells_nothing_ages_although_its_counts_go_on_with_the_clock(scenario):
    a = scenario.worker("a")
    a.says(0, 20, applied=(10, 10), heard=0)
    last = 5 * MINUTE - 1
    scenario.expect_values({1: 20, last: 20, last + 1: ABSENT})
    scenario.expect(last, "pcare:kpi_age_seconds", 300 - STEP_SECONDS)


def test_a_log_that_was_made_anew_is_believed_when_the_old_one_no_longer_stands(scenario):
    a = scenario.worker("a")
    a.says(0, 20, applied=(10, 10))
    a.says(1, 1, applied=(0, 0))
    scenario.expect_values({1: 20, 5 * MINUTE - 1: 20, 5 * MINUTE + 1: 1})


def test_a_worker_whose_clock_runs_ahead_by_more_than_a_minute_is_not_believed(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    a.says(0, 20, applied=(10, 10), ahead=61)
    b.says(0, 19, applied=(10, 9))
    scenario.expect_values({0: 19, 1: 19})


def test_two_catalogues_side_by_side_do_not_take_turns(scenario):
    old, new = scenario.worker("a"), scenario.worker("b", version="v2")
    old.says(0, {"k": 20}, applied=(10, 10), ahead=-4)
    new.says(1, {"k": 17, "new": 3}, applied=(10, 10))
    scenario.expect_values({0: 20, 1: 20, 2: 20})
    scenario.expect_value(2, ABSENT, "new")
    scenario.expect(2, 'pcare:kpi_catalogue_info{version="v1"}', 1)
    old.gone(3)
    scenario.expect_values({3: 17, 4: 17})
    scenario.expect_value(3, 3, "new")
    scenario.expect(3, 'pcare:kpi_catalogue_info{version="v2"}', 1)


def test_a_rolling_upgrade_holds_the_old_numbers_until_the_new_catalogue_knows_all(scenario):
    a, b = scenario.worker("a"), scenario.worker("b")
    later = scenario.worker("c", version="v2")
    a.says(0, 20, applied=(10, 10))
    b.says(0, 20, applied=(10, 10))
    b.gone(2)
    later.says(3, 0, applied=(0, 10), complete=False)
    a.says(3, 21, applied=(11, 10), instants=(15, 10))
    a.gone(6)
    later.says(9, 22, applied=(12, 10))
    scenario.expect_values({1: 20, 2: 20, 3: 21, 5: 21, 8: 21, 9: 22})
    scenario.expect(8, 'pcare:kpi_catalogue_info{version="v1"}', 1)
    scenario.expect(9, 'pcare:kpi_catalogue_info{version="v2"}', 1)


def test_the_queries_of_the_documentation_answer_what_it_says(scenario):
    components, gap, share, last_hour, alert = _queries()
    hour = 60 * MINUTE
    a = scenario.worker("a")
    a.says(0, {"pcsp_active": 100, "sp_referrals": 1000})
    a.says(hour, {"pcsp_active": 100, "sp_referrals": 1250})
    a.gone(hour + 2)
    pcsp, sp = (f'{{kpi="{kpi}",borough="NCL",year="2023/24"}}' for kpi in ("pcsp_active", "sp_referrals"))
    scenario.expect_answer(1, components, {f"pcare:kpi_value{pcsp}": 100, f"pcare:kpi_value{sp}": 1000})
    scenario.expect_answer(1, gap, {pcsp: -500})
    scenario.expect_answer(1, share, {pcsp: 100 * 100 / 1100, sp: 50})
    scenario.expect_answer(hour, last_hour, {sp: 250})
    scenario.expect_answer(hour, alert, {})
    scenario.expect_answer(hour + MINUTE + 4, alert, {"pcare:kpi_age_seconds": 75})
    scenario.expect_answer(hour + 6 * MINUTE, alert, {"{}": 1})


def _queries() -> list[str]:
    """Return the examples of docs/prometheus.md, with a year put in."""
    section = PAGE.read_text().partition("## Queries")[2].partition("\n## ")[0]
    blocks = [
        " ".join(line.strip() for line in block.splitlines() if line.startswith("    ") and "# " not in line)
        for block in section.split("\n\n")
    ]
    return [block.replace("$year", "2023/24") for block in blocks if block]
