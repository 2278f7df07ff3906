"""Targets: a value a year, drawn from what is stated, and saying so where it rests on an assumption."""

import pytest

from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.data_file import DataFileError
from pcare_schemas.kpis.year_labels import label, year_from_label

KPIS = catalogue.load().ids


def targets_of(tmp_path, text: str) -> targets.Targets:
    path = tmp_path / "targets.yaml"
    path.write_text(text)
    return targets.load(path, KPIS)


def values(line: targets.Targets, *years: str, area: str = "NCL") -> list[float | None]:
    return [line.value("phb_people", area, year_from_label(year)) for year in years]


def test_the_plans_targets():
    built_in = targets.load(None, KPIS)
    assert {kpi: value for kpi in KPIS if (value := built_in.value(kpi, "NCL", 2023)) is not None} == {
        "choice_standards": 100,
        "choice_ers": 100,
        "sp_referrals": 23163,
        "sp_people": 23163,
        "sp_link_workers": 123,
        "sdm_situations": 30,
        "sdm_priority_areas": 5,
        "pam_people": 21619,
        "pcsp_active": 28189,
        "phb_people": 4633,
        "phb_with_plan": 100,
    }
    assert values(built_in, "2017/18", "2018/19", "2023/24", "2030/31") == [None, 0, 4633, 4633]
    assert values(built_in, "2023/24", area="E09000007") == [None]
    assert built_in.value("phb_with_plan", "NCL", 2001) == 100
    assert built_in.value("pam_people", "NCL", 2018) == 1313
    assert built_in.value("sdm_priority_areas", "NCL", 2019) == 5


def test_a_trajectory_that_rests_on_an_assumption_says_so():
    built_in = targets.load(None, KPIS)
    note = built_in.note("phb_people", "NCL")
    assert note == "No baseline is known: the trajectory is drawn from an assumed 0 at the end of 2018/19."
    assert built_in.note("pam_people", "NCL") is None
    assert built_in.note("phb_with_plan", "NCL") is None
    assert built_in.note("upc_people", "NCL") is None
    assert built_in.note("phb_people", "E09000007") is None


def test_the_ambitions_of_london_and_the_nation():
    compared = {(one.kpi, one.place, one.kind): one.value for one in targets.load(None, KPIS).comparisons}
    assert compared["phb_people", "London", "delivered"] == 2878
    assert compared["phb_people", "England", "ambition"] == 200000
    assert compared["pam_people", "North West London", "delivered"] == 20225
    assert compared[None, "North Central London", "delivered"] == 4


def test_from_a_known_baseline_the_line_is_straight(tmp_path):
    line = targets_of(
        tmp_path,
        "targets:\n- {kpi: phb_people, area: NCL, value: 4000, by: 2023/24,"
        " baseline: {value: 1000, year: 2018/19, assumed: false}}",
    )
    assert values(line, "2017/18", "2018/19", "2020/21", "2023/24", "2024/25") == [None, 1000, 2200, 4000, 4000]


def test_a_year_that_is_stated_bends_the_line(tmp_path):
    line = targets_of(
        tmp_path,
        "targets:\n- {kpi: phb_people, area: E09000007, value: 4000, by: 2023/24, baseline: null,"
        " years: {2021/22: 1000, 2025/26: 5000}}",
    )
    bent = values(line, "2020/21", "2021/22", "2022/23", "2023/24", "2024/25", "2025/26", "2026/27", area="E09000007")
    assert bent == [None, 1000, 2500, 4000, 4500, 5000, 5000]


def test_without_a_baseline_there_is_nothing_before_the_year(tmp_path):
    line = targets_of(tmp_path, "targets:\n- {kpi: phb_people, area: NCL, value: 4000, by: 2023/24, baseline: null}")
    assert values(line, "2022/23", "2023/24") == [None, 4000]


_BASELINE = "{value: 2, year: 2018/19, assumed: true}"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (
            "kpi: nobody, area: NCL, value: 1, by: 2023/24, baseline: null",
            "line 2: targets/0/kpi: 'nobody' is not a KPI",
        ),
        ("kpi: phb_peopel, area: NCL, value: 1, by: 2023/24, baseline: null", "did you mean 'phb_people'"),
        ("kpi: phb_people, area: London, value: 1, by: 2023/24, baseline: null", "line 2: .*area: .*neither NCL nor"),
        (
            "kpi: phb_people, area: NCL, value: 1, by: '2023', baseline: null",
            "line 2: targets/0/by: '2023' is not a fin",
        ),
        ("kpi: phb_people, area: NCL, value: 1, by: 2023, baseline: null", "line 2: targets/0/by: '2023' is not a fin"),
        ("kpi: phb_people, area: NCL, value: 1, by: never, baseline: null", "targets/0/by: 'never' is not a financial"),
        ("kpi: phb_people, area: NCL, value: -1, by: 2023/24, baseline: null", "greater than or equal to 0"),
        (
            "kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: {value: 2, year: 2023/24, assumed: true}",
            "baseline/year: .*before the target",
        ),
        ("kpi: phb_people, area: NCL, by: 2023/24, baseline: null", "value.*required"),
        (f"kpi: phb_people, area: NCL, value: 1, by: always, baseline: {_BASELINE}", "by: .*no baseline"),
        (
            "kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: null, years: {2021/22: -1}",
            "less than nothing",
        ),
        ("kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: null, years: {2023/24: 2}", "already stated"),
        ("kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: null, years: {202122: 2}", "years"),
        (
            f"kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: {_BASELINE}, years: {{2018/19: 2}}",
            "after the baseline",
        ),
    ],
)
def test_wrong_targets_are_refused(tmp_path, entry, complaint):
    with pytest.raises(DataFileError, match=complaint):
        targets_of(tmp_path, f"targets:\n  - {{{entry}}}")


def test_two_targets_for_one_kpi_and_area_are_refused(tmp_path):
    entry = "  - {kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: null}\n"
    with pytest.raises(DataFileError, match=r"line 3: .*two targets"):
        targets_of(tmp_path, "targets:\n" + entry + entry)


def test_a_year_is_written_as_the_plan_writes_it():
    assert label(1999) == "1999/00"
    assert year_from_label("2023/24") == 2023
    for wrong in ("2023", "2023/25", "23/24", "", "२०२३/24"):
        with pytest.raises(ValueError, match="not a financial year"):
            year_from_label(wrong)
